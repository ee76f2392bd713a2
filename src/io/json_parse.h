#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace glm_image::io {

/// As parse_json of io/json_file.h, for text from the network: also throws kCorruptFile for a
/// document of more than `max_values` values, because a value of two bytes, "1,", takes at least 16
/// bytes of memory.
nlohmann::json parse_json(std::string_view text, const std::string& source, int64_t max_values);

}  // namespace glm_image::io
