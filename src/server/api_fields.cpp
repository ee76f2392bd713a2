#include "server/api_fields.h"

#include <cmath>

#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/json_number.h"
#include "server/api_error.h"
#include "server/header_value.h"

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

}  // namespace

const Json* ApiFields::find(const std::string& name) const {
  const auto found = object_.find(name);
  if (found == object_.end() || found->is_null()) return nullptr;
  return fields_are_text_ && *found == "" ? nullptr : &*found;
}

std::optional<Json> ApiFields::numeric(const Json& value) const {
  if (fields_are_text_ && value.is_string()) {
    return io::number_from_text(value.get_ref<const std::string&>());
  }
  return value.is_number() ? std::optional(value) : std::nullopt;
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
  const auto given = numeric(*value);
  const auto number = given ? io::whole_number<int64_t>(*given) : std::nullopt;
  if (!number || *number < min || *number > max) {
    refuse(name, concat("a whole number from ", min, " to ", max));
  }
  return number;
}

std::optional<uint64_t> ApiFields::seed(const std::string& name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto given = numeric(*value)) {
    if (io::whole_number<int64_t>(*given) == -1) return std::nullopt;
    if (const auto number = io::whole_number<uint64_t>(*given)) return number;
  }
  refuse(name, concat("a whole number from 0 to ", limits::kMaxSeed, ", or -1 for any"));
}

std::optional<double> ApiFields::number(const std::string& name, double min, double max) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto given = numeric(*value);
  // The sum makes 0 of -0, which JSON does not tell apart.
  const auto number = given ? std::optional(given->get<double>() + 0.0) : std::nullopt;
  if (!number || !std::isfinite(*number) || *number < min || *number > max) {
    refuse(name, concat("a number from ", min, " to ", max));
  }
  return number;
}

std::optional<bool> ApiFields::truth(const std::string& name) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  if (fields_are_text_ && value->is_string()) {
    // Python writes True.
    const auto text = lower(value->get_ref<const std::string&>());
    if (text == "true") return true;
    if (text == "false") return false;
  }
  refuse(name, "true or false");
}

std::vector<std::string> ApiFields::texts(const std::string& name) const {
  const auto* value = find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return {value->get<std::string>()};
  const auto expected = concat("a list of up to ", limits::kMaxTexts, " texts");
  std::vector<std::string> texts;
  if (!value->is_array() || value->size() > limits::kMaxTexts) refuse(name, expected);
  for (const auto& item : *value) {
    if (!item.is_string()) refuse(name, expected);
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
