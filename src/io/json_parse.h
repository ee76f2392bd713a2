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

/// As parse_json of io/json_file.h, for a line of a JSON Lines file. `source` names the file and
/// the line, so that messages name only the byte in this line, from 1.
nlohmann::json parse_json_line(std::string_view line, const std::string& source);

/// As parse_json of io/json_file.h, for a file that a user writes: never advises to download it
/// again. Throws kCorruptFile for a file without content.
nlohmann::json parse_user_json(std::string_view text, const std::string& source);

}  // namespace glm_image::io
