#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace glm_image::text {

/// The printable alphabet of byte-level BPE: every byte has one character that stands for it, so
/// that vocabularies can be JSON text. Bytes that are printable in Latin-1 ('!'…'~', '¡'…'¬',
/// '®'…'ÿ') stand for themselves; the 68 others take U+0100, U+0101, … in order (a space is 'Ġ').
/// Source: the byte encoder of GPT-2, which Hugging Face's ByteLevel follows.

/// Every byte replaced by its character, as UTF-8.
std::string to_byte_alphabet(std::string_view bytes);

/// The reverse; nothing when the text holds a character outside the alphabet.
std::optional<std::string> from_byte_alphabet(std::string_view text);

}  // namespace glm_image::text
