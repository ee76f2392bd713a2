#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

/// Maximum length of a text, far more than the generator's positions allow.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 21;

/// Throws kInvalidInput, naming the byte offset, unless `text` is valid UTF-8 (no surrogates, no
/// overlong forms) of at most kMaxTextBytes.
void require_utf8(std::string_view text);

/// Returns the offset of the first byte at which no valid UTF-8 character begins, or std::nullopt
/// if the text is valid. The text may have any length.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// Replaces each byte at which no valid character begins by U+FFFD. The text may have any length.
std::string replace_invalid_utf8(std::string_view text);

/// One character of a UTF-8 text and its bytes [begin, end).
struct CodePoint {
  char32_t value;
  std::size_t begin;
  std::size_t end;
};

/// Returns the characters of a text in order. Throws as require_utf8 does.
std::vector<CodePoint> code_points(std::string_view text);

/// As code_points, each character as a string.
std::vector<std::string> characters(std::string_view text);

void append_utf8(std::string& text, char32_t code_point);

/// Returns Unicode Normalization Form C of valid UTF-8.
std::string to_nfc(std::string_view text);

/// Whether a character has Unicode's White_Space property.
bool is_white_space(char32_t code_point);

}  // namespace glm_image::text
