#include "server/api_fields.h"

#include <charconv>
#include <cmath>

#include "core/text_format.h"
#include "server/api_error.h"

namespace glm_image::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxShownBytes = 60;

/// A value for a message, cut where it is long.
std::string shown(const Json* value) {
  if (value == nullptr) return "nothing";
  auto text = value->dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  if (text.size() > kMaxShownBytes) text = text.substr(0, kMaxShownBytes) + "…";
  return text;
}

template <typename Number>
std::optional<Number> parsed(const std::string& text) {
  Number number{};
  const auto end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

const Json* ApiFields::find(const std::string& name) const {
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void ApiFields::refuse(const std::string& name, const std::string& expected) const {
  throw ApiError(400,
                 concat(name, " must be ", expected, "; found ", shown(find(name))),
                 name,
                 "invalid_value");
}

std::optional<std::string> ApiFields::text(const std::string& name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(name, "a text");
  return value->get<std::string>();
}

std::optional<int64_t> ApiFields::whole_number(const std::string& name,
                                               int64_t min,
                                               int64_t max) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<int64_t> number;
  if (fields_are_text_ && value->is_string()) {
    number = parsed<int64_t>(value->get_ref<const std::string&>());
  } else if (value->is_number_unsigned()) {
    const auto wide = value->get<uint64_t>();
    if (wide <= static_cast<uint64_t>(max)) number = static_cast<int64_t>(wide);
  } else if (value->is_number_integer()) {
    number = value->get<int64_t>();
  }
  if (!number || *number < min || *number > max) {
    refuse(name, concat("a whole number from ", min, " to ", max));
  }
  return number;
}

std::optional<double> ApiFields::number(const std::string& name, double min, double max) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<double> number;
  if (fields_are_text_ && value->is_string()) {
    number = parsed<double>(value->get_ref<const std::string&>());
  } else if (value->is_number()) {
    number = value->get<double>();
  }
  if (!number || !std::isfinite(*number) || *number < min || *number > max) {
    refuse(name, concat("a number from ", min, " to ", max));
  }
  return number;
}

std::optional<bool> ApiFields::truth(const std::string& name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  if (fields_are_text_ && *value == "true") return true;
  if (fields_are_text_ && *value == "false") return false;
  refuse(name, "true or false");
}

std::vector<std::string> ApiFields::texts(const std::string& name) const {
  const auto* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  constexpr size_t kMaxTexts = 64;
  std::vector<std::string> texts;
  if (!value->is_array() || value->size() > kMaxTexts) refuse(name, "a list of up to 64 texts");
  for (const auto& item : *value) {
    if (!item.is_string()) refuse(name, "a list of up to 64 texts");
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::optional<std::string> ApiFields::choice(const std::string& name,
                                             const std::vector<std::string>& choices) const {
  auto given = text(name);
  if (!given) return std::nullopt;
  std::string list;
  for (const auto& choice : choices) {
    if (*given == choice) return given;
    list += (list.empty() ? "" : ", ") + choice;
  }
  refuse(name, "one of " + list);
}

}  // namespace glm_image::server
