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

[[noreturn]] void fail_loras(const std::string& sentence) {
  throw ApiError(400, sentence, "loras", "invalid_value");
}

/// A number if the text is one; the check of the request refuses another text.
Json scale_of(const std::string& text) {
  const auto number = io::number_from_text(text);
  return number ? *number : Json(text);
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
    return add_lora(keys[0], keys[1], std::move(text));
  }
  const bool is_list = keys.size() == 1 && is_index(keys[0]);
  if (is_list && !keys[0].empty()) {
    const bool is_new = numbered_lists_[path.base]
                            .emplace(std::pair(keys[0].size(), keys[0]), std::move(text))
                            .second;
    if (is_new) return;
    throw ApiError(400, name.substr(0, 64) + " must be given once", path.base, "invalid_value");
  }
  add_element(is_list ? path.base : name, std::move(text), is_list);
}

void FormFields::add_lora(const std::string& index, const std::string& key, std::string text) {
  if (index.empty()) {
    if (key == "name") lora_names_.push_back(std::move(text));
    if (key == "scale") lora_scales_.push_back(std::move(text));
    return;
  }
  auto& value = numbered_loras_[{index.size(), index}][key];
  if (!value.is_null()) {
    fail_loras("loras[" + index.substr(0, 64) + "][" + key.substr(0, 64) + "] must be given once");
  }
  value = key == "scale" ? scale_of(text) : Json(std::move(text));
}

Json FormFields::take() {
  for (auto& [name, list] : numbered_lists_) {
    for (auto& [index, text] : list) add_element(name, std::move(text), /*is_list=*/true);
  }
  auto loras = Json::array();
  for (auto& [index, lora] : numbered_loras_) loras.push_back(std::move(lora));
  const bool is_numbered = !loras.empty(),
             is_in_order = !lora_names_.empty() || !lora_scales_.empty();
  if (!is_numbered && !is_in_order) return std::move(fields_);
  const bool fits = lora_scales_.empty() || lora_scales_.size() == lora_names_.size();
  if (!fits || (is_numbered && is_in_order) || fields_.contains("loras")) {
    fail_loras(
        "loras must have a scale for each name or for none; a form may also have one field loras "
        "with a JSON list");
  }
  for (std::size_t i = 0; i < lora_names_.size(); ++i) {
    loras.push_back({{"name", lora_names_[i]}});
    if (!lora_scales_.empty()) loras.back()["scale"] = scale_of(lora_scales_[i]);
  }
  fields_["loras"] = std::move(loras);
  return std::move(fields_);
}

}  // namespace glm_image::server
