#include "io/shown.h"

#include "core/text_format.h"

namespace glm_image::io {
namespace {

constexpr std::size_t kShownBytes = 60;

std::string as_ascii(const nlohmann::json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string shown(const nlohmann::json* value) {
  if (value == nullptr) return "nothing";
  // Only the kind of a container is printed: dumping it could cost as much as the whole file.
  if (value->is_object()) return "an object";
  if (value->is_array()) return concat("a list of ", value->size(), " elements");
  if (value->is_string() && value->get_ref<const std::string&>().size() > kShownBytes) {
    return concat("a string of ", value->get_ref<const std::string&>().size(), " bytes");
  }
  return as_ascii(*value);
}

std::string shown_name(const std::string& name) {
  const auto quoted = as_ascii(name.substr(0, kShownBytes));
  return concat(
      '\'', quoted.substr(1, quoted.size() - 2), name.size() > kShownBytes ? "..." : "", '\'');
}

}  // namespace glm_image::io
