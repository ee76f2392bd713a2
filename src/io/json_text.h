#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace glm_image::io {

/// Keeps its fields in insertion order.
using OrderedJson = nlohmann::ordered_json;

/// Serialises any JSON type, on one line or indented by `indent` spaces. Bytes that are not UTF-8,
/// which a folder name may contain, are replaced.
template <typename AnyJson>
std::string json_text(const AnyJson& json, int indent = -1) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, AnyJson::error_handler_t::replace);
}

}  // namespace glm_image::io
