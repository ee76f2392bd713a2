#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace glm_image::server {

/// Collects the text fields of a form as the object that a JSON body would be.
///
/// A form has no lists and no objects. Clients repeat a field, or write `guidance_interval[]` and
/// `loras[][name]` (openai-python, openai-node). A field that comes twice becomes a list, which
/// fields with one value refuse: programs disagree on which of the two counts.
class FormFields {
 public:
  /// Throws ApiError 400 for a part of a composition, which only JSON can hold.
  void add(const std::string& name, std::string text);
  /// Returns the object, whose values are texts and lists of texts; `loras` is a list of objects.
  /// Throws ApiError 400 with param `loras` if only some of the adapters have a scale.
  nlohmann::json take();

 private:
  void add_element(const std::string& name, std::string text, bool is_list);

  nlohmann::json fields_ = nlohmann::json::object();
  // In the order of the form. openai-python sends all names before all scales.
  std::vector<std::string> lora_names_, lora_scales_;
};

}  // namespace glm_image::server
