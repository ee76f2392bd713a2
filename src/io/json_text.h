#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace glm_image::io {

/// Keeps its fields in the order in which they are written.
using OrderedJson = nlohmann::ordered_json;

/// Any kind of JSON as text, on one line or indented by so many spaces; what is not UTF-8 in it
/// (the name of a folder may be anything) is replaced.
template <typename AnyJson>
std::string json_text(const AnyJson& json, int indent = -1) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, AnyJson::error_handler_t::replace);
}

}  // namespace glm_image::io
