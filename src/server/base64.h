#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace glm_image::server {

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

/// The bytes of a base64 text, read as browsers read data URLs: white space between characters is
/// skipped and the padding may be missing. Nothing for another character, and for a text that ends
/// in the middle of a byte; `error_at` is then the offset.
std::optional<std::string> from_base64(std::string_view text, std::size_t& error_at);

}  // namespace glm_image::server
