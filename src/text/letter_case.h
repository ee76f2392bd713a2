#pragma once

#include <string>
#include <string_view>

namespace glm_image::text {

/// Returns valid UTF-8 in lower or upper case and NFC, by Unicode's rules that hold for all
/// languages.
std::string lower_case(std::string_view text);
std::string upper_case(std::string_view text);

}  // namespace glm_image::text
