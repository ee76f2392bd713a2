#include "quant/rotation.h"

#include <algorithm>

#include "core/error.h"
#include "io/shown.h"

namespace glm_image::quant {
namespace {

using nlohmann::json;

/// Null, false, "", [], {}, or an object of such values.
bool is_unused(const json& value) {
  if (value.is_null() || value == false || value == "") return true;
  return value.is_structured() && std::all_of(value.begin(), value.end(), is_unused);
}

bool names_rotation(const std::string& key) {
  if (key == "transform_config" || key == "rotation_config" || key == "rotation") return true;
  return key.find("spinquant") != std::string::npos || key.find("hadamard") != std::string::npos;
}

void check(const json& object, const std::string& path, const std::string& source) {
  for (const auto& [key, value] : object.items()) {
    const auto full = path + key;
    // A number is the parameter of a rotation, which its own key switches on.
    if (names_rotation(key) && !value.is_number() && !is_unused(value)) {
      fail(ErrorCode::kUnsupported,
           source,
           ": ",
           io::printable(full),
           " = ",
           io::shown(&value),
           ": the weights are rotated, which is not read");
    }
    if (value.is_object()) check(value, full + ".", source);
  }
}

}  // namespace

void refuse_rotations(const json& config, const std::string& source) {
  if (config.is_object()) check(config, /*path=*/"", source);
}

}  // namespace glm_image::quant
