#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace glm_image {

/// Encodes bytes (RFC 4648, with padding).
std::string base64(std::string_view bytes);

/// Decodes base64 as browsers do in data URLs: white space is skipped and padding is optional.
/// Returns nothing for any other character or an incomplete byte, and sets `error_at` to its
/// offset.
std::optional<std::string> from_base64(std::string_view text, std::size_t& error_at);

}  // namespace glm_image
