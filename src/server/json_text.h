#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace glm_image::server {

/// Answers keep their fields in the order in which they are written.
using OrderedJson = nlohmann::ordered_json;

/// On one line, with what is not UTF-8 replaced.
inline std::string json_text(const OrderedJson& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, OrderedJson::error_handler_t::replace);
}

}  // namespace glm_image::server
