#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glm_image::text {

/// The printable alphabet of byte-level BPE: each byte is represented by one character, so that a
/// vocabulary can be JSON text. Bytes that are printable in Latin-1 ('!'…'~', '¡'…'¬', '®'…'ÿ')
/// represent themselves; the 68 others are U+0100, U+0101, … in order (a space is 'Ġ').
/// Source: the byte encoder of GPT-2, as in Hugging Face's ByteLevel.

/// Replaces every byte by its character, as UTF-8.
std::string to_byte_alphabet(std::string_view bytes);

/// The inverse; std::nullopt if the text has a character outside the alphabet.
std::optional<std::string> from_byte_alphabet(std::string_view text);

}  // namespace glm_image::text
