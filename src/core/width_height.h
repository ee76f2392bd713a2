#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace glm_image {

/// Width and height of a text WIDTHxHEIGHT ("1024x768", also with a capital X); nothing where it is
/// anything else or a side is not above 0.
std::optional<std::pair<int64_t, int64_t>> parse_width_height(std::string_view text);

}  // namespace glm_image
