#include "server/edit_request.h"

#include "core/error.h"
#include "image/codec.h"
#include "server/api_error.h"
#include "text/unicode.h"

namespace glm_image::server {
namespace {

constexpr size_t kMaxPictures = 16;
constexpr size_t kMaxFieldBytes = 256 * 1024;
constexpr int64_t kMaxUploadedSide = 16384;

bool is_picture_field(const std::string& name) {
  return name == "image" || name.rfind("image[", 0) == 0;
}

}  // namespace

EditForm read_edit_form(const std::vector<FormPart>& parts, const RequestLimits& limits) {
  EditForm form;
  auto fields = nlohmann::json::object();
  for (const auto& part : parts) {
    if (is_picture_field(part.name)) {
      form.pictures.push_back(part.content);
      continue;
    }
    if (part.name == "mask") {
      throw ApiError(400,
                     "mask is not supported: this model redraws the whole picture; say in the "
                     "prompt what is to change",
                     "mask",
                     "unsupported_value");
    }
    if (part.is_file || part.content.size() > kMaxFieldBytes) continue;
    try {
      text::require_utf8(part.content);
    } catch (const Error&) {
      throw ApiError(400, "a field of the form is not UTF-8", "", "invalid_value");
    }
    // texts[] may come several times.
    if (part.name == "texts" || part.name == "texts[]") {
      fields["texts"].push_back(std::string(part.content));
    } else {
      fields[part.name] = std::string(part.content);
    }
  }
  if (form.pictures.empty()) {
    throw ApiError(400, "image is missing: a picture to start from", "image", "missing_value");
  }
  if (form.pictures.size() > kMaxPictures) {
    throw ApiError(400, "at most 16 pictures to start from", "image", "invalid_value");
  }
  form.wanted = read_image_request(fields, limits, /*fields_are_text=*/true);
  return form;
}

void decode_pictures(const std::vector<std::string_view>& pictures,
                     int64_t max_pixels,
                     Request& request,
                     std::vector<std::string>* warnings) {
  image::ImageLimits limits;
  limits.max_side = kMaxUploadedSide;
  limits.max_pixels = max_pixels;
  for (size_t i = 0; i < pictures.size(); ++i) {
    try {
      request.condition_images.push_back(
          image::decode_image(pictures[i], "picture " + std::to_string(i + 1), limits, warnings));
    } catch (const Error& error) {
      if (!is_bad_input(error.code())) throw;
      throw ApiError(400, error.what(), "image", "invalid_image");
    }
    const auto& decoded = request.condition_images.back();
    limits.max_pixels -= decoded.width * decoded.height;
  }
}

}  // namespace glm_image::server
