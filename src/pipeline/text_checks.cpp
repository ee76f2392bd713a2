#include "pipeline/text_checks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/text_format.h"
#include "glm_image/limits.h"

namespace glm_image {

const char* text_state_name(TextState state) {
  switch (state) {
    case TextState::kFound:
      return "found";
    case TextState::kSimilar:
      return "similar";
    case TextState::kMissing:
      return "missing";
    case TextState::kUnread:
      return "unread";
  }
  return "";
}

bool all_texts_right(const std::vector<TextCheck>& checks) {
  return std::all_of(checks.begin(), checks.end(), [](const TextCheck& check) {
    return check.state == TextState::kFound || check.state == TextState::kUnread;
  });
}

}  // namespace glm_image

namespace glm_image::pipeline {
namespace {

constexpr TextState kStates[] = {
    TextState::kFound, TextState::kSimilar, TextState::kMissing, TextState::kUnread};

/// Three decimal places, which is more precise than an edit distance of a text.
double three_places(double similarity) {
  return std::round(similarity * 1000) / 1000;
}

io::OrderedJson box_json(const std::optional<PictureBox>& box) {
  if (!box) return nullptr;
  return {{"left", box->left}, {"top", box->top}, {"width", box->width}, {"height", box->height}};
}

TextCheck check_from_json(const io::JsonFields& fields) {
  TextCheck check;
  check.text = fields.required_string("text");
  const auto name = fields.required_string("state");
  const auto* state = std::find_if(std::begin(kStates), std::end(kStates), [&](TextState each) {
    return name == text_state_name(each);
  });
  if (state == std::end(kStates)) fields.refuse("state", "found, similar, missing or unread");
  check.state = *state;
  check.read = fields.required_string("read");
  check.similarity = fields.required_double("similarity", 0, 1);
  check.unknown_letters = fields.optional_string("unknown_letters", "");
  if (const auto box = fields.optional_object("box")) {
    const auto side = [&](const char* side_name) {
      return box->required_int64(side_name, -limits::kMaxSide, 2 * limits::kMaxSide);
    };
    check.box = {side("left"), side("top"), side("width"), side("height")};
  }
  return check;
}

}  // namespace

io::OrderedJson to_json(const std::vector<TextCheck>& checks) {
  auto list = io::OrderedJson::array();
  for (const auto& check : checks) {
    list.push_back({{"text", check.text},
                    {"state", text_state_name(check.state)},
                    {"read", check.read},
                    {"similarity", three_places(check.similarity)},
                    {"box", box_json(check.box)}});
    if (!check.unknown_letters.empty()) list.back()["unknown_letters"] = check.unknown_letters;
  }
  return list;
}

std::vector<TextCheck> text_checks_from_json(const io::JsonFields& fields,
                                             const std::string& name) {
  std::vector<TextCheck> checks;
  if (!fields.has(name)) return checks;
  const auto& list = fields.json().at(name);
  if (!list.is_array() || list.size() > limits::kMaxTexts) {
    fields.refuse(name, concat("a list of at most ", limits::kMaxTexts, " texts"));
  }
  for (const auto& item : list) {
    if (!item.is_object()) fields.refuse(name, "a list of objects");
    checks.push_back(check_from_json(io::JsonFields(item, fields.source() + ": " + name)));
  }
  return checks;
}

std::vector<TextCheck> resized(std::vector<TextCheck> checks,
                               int64_t width,
                               int64_t height,
                               int64_t new_width,
                               int64_t new_height) {
  const auto scaled = [](int64_t value, int64_t from, int64_t to) {
    return std::llround(static_cast<double>(value) * static_cast<double>(to) /
                        static_cast<double>(from));
  };
  for (auto& check : checks) {
    if (!check.box) continue;
    auto& box = *check.box;
    const auto right = scaled(box.left + box.width, width, new_width);
    const auto bottom = scaled(box.top + box.height, height, new_height);
    box.left = scaled(box.left, width, new_width);
    box.top = scaled(box.top, height, new_height);
    box.width = right - box.left;
    box.height = bottom - box.top;
  }
  return checks;
}

std::vector<TextCheck> checks_in_file(const Picture& picture,
                                      int64_t file_width,
                                      int64_t file_height) {
  if (file_width == 0) return picture.verification;
  const auto& drawn = picture.image;
  return resized(picture.verification, drawn.width, drawn.height, file_width, file_height);
}

PatternText description(const TextCheck& check) {
  switch (check.state) {
    case TextState::kFound:
      if (check.unknown_letters.empty()) return {"found \"%1\"", {check.text}};
      return {"found \"%1\"; the reader does not tell these letters from similar ones: %2",
              {check.text, check.unknown_letters}};
    case TextState::kSimilar: {
      char similarity[16];
      std::snprintf(similarity, sizeof similarity, "%.2f", check.similarity);
      return {"similar \"%1\": read \"%2\" (%3)", {check.text, check.read, similarity}};
    }
    case TextState::kMissing:
      return {"missing \"%1\"", {check.text}};
    case TextState::kUnread:
      return {"unread \"%1\": there is no reader for its script", {check.text}};
  }
  return {};
}

PatternText none_is_right(int64_t candidates, const std::string& wrong) {
  return {"none of %1 candidates has all texts right; the best: %2",
          {std::to_string(candidates), wrong}};
}

std::vector<Warning> text_warnings(const Result& result) {
  std::vector<Warning> warnings;
  for (std::size_t i = 0; i < result.pictures.size(); ++i) {
    std::string message;
    for (const auto& check : result.pictures[i].verification) {
      if (check.state == TextState::kFound) continue;
      message += concat(message.empty() ? "" : "; ", filled(description(check)));
    }
    if (message.empty()) continue;
    const auto which = result.pictures.size() == 1 ? "" : concat("picture ", i + 1, ": ");
    const bool tried = result.candidates > 1 && !all_texts_right(result.pictures[i].verification);
    if (tried) message = filled(none_is_right(result.candidates, message));
    warnings.push_back({"text_not_right", which + message});
  }
  return warnings;
}

}  // namespace glm_image::pipeline
