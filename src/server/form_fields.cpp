#include "server/form_fields.h"

#include <algorithm>
#include <utility>

#include "io/json_number.h"
#include "server/api_error.h"

namespace glm_image::server {
namespace {

using Json = nlohmann::json;

/// "loras[0][name]" → "loras", {"0", "name"}. Without brackets in pairs the name is whole.
struct FieldPath {
  std::string base;
  std::vector<std::string> keys;
};

FieldPath path_of(const std::string& name) {
  FieldPath path{name.substr(0, name.find('[')), {}};
  for (auto at = path.base.size(); at < name.size();) {
    const auto end = name.find(']', at);
    if (name[at] != '[' || end == std::string::npos) return {name, {}};
    path.keys.push_back(name.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return path;
}

/// Of an element of a list: empty, or a number.
bool is_index(const std::string& key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void FormFields::add_element(const std::string& name, std::string text, bool is_list) {
  const auto found = fields_.find(name);
  if (found == fields_.end() && !is_list) {
    fields_[name] = std::move(text);
    return;
  }
  auto& value = fields_[name];
  if (!value.is_array()) value = value.is_null() ? Json::array() : Json::array({value});
  value.push_back(std::move(text));
}

void FormFields::add(const std::string& name, std::string text) {
  const auto path = path_of(name);
  const auto& keys = path.keys;
  if (keys.empty()) return add_element(name, std::move(text), /*is_list=*/false);
  if (path.base == "composition" || path.base == "tokens") {
    throw ApiError(400,
                   path.base + " must be one field with a JSON object; found " + name.substr(0, 64),
                   path.base,
                   "invalid_value");
  }
  if (path.base == "loras" && keys.size() == 2 && is_index(keys[0])) {
    if (keys[1] == "name") lora_names_.push_back(std::move(text));
    if (keys[1] == "scale") lora_scales_.push_back(std::move(text));
    return;
  }
  const bool is_list = keys.size() == 1 && is_index(keys[0]);
  add_element(is_list ? path.base : name, std::move(text), is_list);
}

Json FormFields::take() {
  if (lora_names_.empty() && lora_scales_.empty()) return std::move(fields_);
  const bool fits = lora_scales_.empty() || lora_scales_.size() == lora_names_.size();
  if (!fits || fields_.contains("loras")) {
    throw ApiError(400,
                   "loras must have a scale for each name or for none; a form may also have one "
                   "field loras with a JSON list",
                   "loras",
                   "invalid_value");
  }
  auto loras = Json::array();
  for (std::size_t i = 0; i < lora_names_.size(); ++i) {
    loras.push_back({{"name", lora_names_[i]}});
    if (lora_scales_.empty()) continue;
    const auto number = io::number_from_text(lora_scales_[i]);
    loras.back()["scale"] = number ? *number : Json(lora_scales_[i]);
  }
  fields_["loras"] = std::move(loras);
  return std::move(fields_);
}

}  // namespace glm_image::server
