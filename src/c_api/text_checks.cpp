#include "c_api/text_checks.h"

#include "c_api/guard.h"

namespace glm_image::c_api {
namespace {

glm_image_text_state state_of(TextState state) {
  switch (state) {
    case TextState::kFound:
      return GLM_IMAGE_TEXT_FOUND;
    case TextState::kSimilar:
      return GLM_IMAGE_TEXT_SIMILAR;
    case TextState::kMissing:
      return GLM_IMAGE_TEXT_MISSING;
    case TextState::kUnread:
      break;
  }
  return GLM_IMAGE_TEXT_UNREAD;
}

TextState state_of(glm_image_text_state state) {
  switch (state) {
    case GLM_IMAGE_TEXT_FOUND:
      return TextState::kFound;
    case GLM_IMAGE_TEXT_SIMILAR:
      return TextState::kSimilar;
    case GLM_IMAGE_TEXT_MISSING:
      return TextState::kMissing;
    case GLM_IMAGE_TEXT_UNREAD:
      return TextState::kUnread;
  }
  refuse_value("state", state);
}

/// Throws kInvalidInput for values that no check has.
TextCheck check_of(const std::string& text, const glm_image_text_check& filled) {
  TextCheck check;
  check.text = text;
  check.state = state_of(filled.state);
  check.read = required_text(filled.read, "read");
  check.unknown_letters = required_text(filled.unknown_letters, "unknown_letters");
  if (!(filled.similarity >= 0 && filled.similarity <= 1)) {
    throw Error(
        ErrorCode::kInvalidInput,
        "the similarity of a text must be 0 to 1; found " + std::to_string(filled.similarity));
  }
  check.similarity = filled.similarity;
  if (filled.width > 0 && filled.height > 0) {
    check.box = PictureBox{filled.left, filled.top, filled.width, filled.height};
  }
  return check;
}

/// Reads texts with a C function.
class FunctionVerifier : public TextVerifier {
 public:
  FunctionVerifier(glm_image_verify_function function, void* user_data)
      : function_(function), user_data_(user_data) {}

  void require(const std::vector<std::string>& /*texts*/) const override {}

  std::vector<TextCheck> verify(const Image& image,
                                const std::vector<std::string>& texts) override {
    glm_image_picture picture;
    picture.picture.image = image;
    std::vector<TextCheck> checks(texts.size());
    for (size_t i = 0; i < texts.size(); ++i) checks[i].text = texts[i];
    auto filled = views_of(checks);
    std::vector<glm_image_text_check*> addresses;
    for (auto& check : filled) addresses.push_back(&check);
    if (function_(&picture, addresses.data(), addresses.size(), user_data_) != 0) {
      throw Error(ErrorCode::kInternal, "the function that reads texts could not read a picture");
    }
    for (size_t i = 0; i < texts.size(); ++i) checks[i] = check_of(texts[i], filled[i]);
    return checks;
  }

 private:
  const glm_image_verify_function function_;
  void* const user_data_;
};

}  // namespace

std::vector<glm_image_text_check> views_of(const std::vector<TextCheck>& checks) {
  std::vector<glm_image_text_check> views;
  for (const auto& check : checks) {
    const auto box = check.box.value_or(PictureBox());
    views.push_back({check.text.c_str(),
                     state_of(check.state),
                     check.read.c_str(),
                     check.similarity,
                     box.left,
                     box.top,
                     box.width,
                     box.height,
                     check.unknown_letters.c_str()});
  }
  return views;
}

}  // namespace glm_image::c_api

using namespace glm_image::c_api;

glm_image_status glm_image_options_set_verifier(glm_image_options* options,
                                                glm_image_verify_function function,
                                                void* user_data,
                                                glm_image_error** error) {
  return guarded(error, [&] {
    auto& verifier = required(options, "options").options.verifier;
    verifier = nullptr;
    if (function != nullptr) verifier = std::make_shared<FunctionVerifier>(function, user_data);
  });
}

size_t glm_image_picture_text_check_count(const glm_image_picture* picture) {
  return picture == nullptr ? 0 : picture->checks.size();
}

const glm_image_text_check* glm_image_picture_text_check(const glm_image_picture* picture,
                                                         size_t index) {
  return index < glm_image_picture_text_check_count(picture) ? &picture->checks[index] : nullptr;
}
