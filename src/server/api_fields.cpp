#include "server/api_fields.h"

#include <cmath>

#include "core/error.h"
#include "core/text_format.h"
#include "glm_image/limits.h"
#include "io/json_file.h"
#include "io/json_number.h"
#include "io/shown.h"
#include "server/api_error.h"
#include "server/header_value.h"

namespace glm_image::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxShownBytes = 60;

/// A value for a message, truncated if long.
std::string shown(const Json* value) {
  if (value == nullptr) return "nothing";
  // Printing a list, an object or a long text whole could take many times the memory of the body.
  if (value->is_structured()) return io::shown(value);
  if (value->is_string() && value->get_ref<const std::string&>().size() > kMaxShownBytes) {
    const Json begin = value->get_ref<const std::string&>().substr(0, kMaxShownBytes);
    return shown(&begin);  // longer than the bound, with its quotation marks
  }
  auto text = value->dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  if (text.size() > kMaxShownBytes) text = text.substr(0, kMaxShownBytes) + "…";
  return text;
}

}  // namespace

const Json* ApiFields::find(const std::string& name) const {
  const auto found = object_.find(name);
  if (found == object_.end() || found->is_null()) return nullptr;
  const bool is_empty = found->is_string() && found->get_ref<const std::string&>().empty();
  return fields_are_text_ && is_empty ? nullptr : &*found;
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
  // Adding 0.0 converts -0 to 0, which JSON does not distinguish.
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
    // Python's str(True) is "True".
    const auto text = lower(value->get_ref<const std::string&>());
    if (text == "true") return true;
    if (text == "false") return false;
  }
  refuse(name, "true or false");
}

std::optional<Json> ApiFields::structured(const std::string& name,
                                          const std::string& expected) const {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!fields_are_text_ || !value->is_string()) return std::make_optional<Json>(*value);
  try {
    return io::parse_json(value->get_ref<const std::string&>(), name);
  } catch (const Error&) {
    refuse(name, expected);
  }
}

std::optional<Json> ApiFields::object(const std::string& name) const {
  const std::string expected = "an object";
  auto value = structured(name, expected);
  if (value && !value->is_object()) refuse(name, expected);
  return value;
}

std::optional<Json> ApiFields::list(const std::string& name) const {
  const std::string expected = "a list";
  auto value = structured(name, expected);
  if (value && !value->is_array()) refuse(name, expected);
  return value;
}

std::optional<std::pair<double, double>> ApiFields::pair(const std::string& name,
                                                         double min,
                                                         double max) const {
  const auto expected = concat("a list of two numbers from ", min, " to ", max);
  const auto value = structured(name, expected);
  if (!value) return std::nullopt;
  if (!value->is_array() || value->size() != 2) refuse(name, expected);
  const auto bound = [&](const Json& given) {
    const auto number = numeric(given);
    if (!number || number->get<double>() < min || number->get<double>() > max) {
      refuse(name, expected);
    }
    return number->get<double>();
  };
  return std::pair(bound((*value)[0]), bound((*value)[1]));
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
  // Programs send an empty text for a choice that was not made.
  if (!given || given->empty()) return std::nullopt;
  std::string list;
  for (const auto& choice : choices) {
    if (*given == choice) return given;
    list += (list.empty() ? "" : ", ") + choice;
  }
  refuse(name, "one of " + list);
}

}  // namespace glm_image::server
