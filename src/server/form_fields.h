#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
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
  /// Throws ApiError 400 with param `loras` if only some of the adapters without an index have a
  /// scale, or if there are adapters of several spellings.
  nlohmann::json take();

 private:
  void add_lora(const std::string& index, const std::string& key, std::string text);
  void add_element(const std::string& name, std::string text, bool is_list);

  nlohmann::json fields_ = nlohmann::json::object();
  // Of `loras[][…]`, in the order of the form. openai-python sends all names before all scales.
  std::vector<std::string> lora_names_, lora_scales_;
  /// The number of digits and the index, which sort as numbers do.
  using Index = std::pair<std::size_t, std::string>;
  std::map<Index, nlohmann::json> numbered_loras_;                      ///< of `loras[0][…]`
  std::map<std::string, std::map<Index, std::string>> numbered_lists_;  ///< of `texts[0]`, by name
};

}  // namespace glm_image::server
