#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::text {

/// No text is longer than this: far more than the generator's positions can hold.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 21;

/// Throws kInvalidInput, naming the byte offset, unless `text` is valid UTF-8 (no surrogates, no
/// overlong forms) of at most kMaxTextBytes.
void require_utf8(std::string_view text);

/// The offset of the first byte that no character of UTF-8 can begin with, in a text of any length;
/// nothing when there is none.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// The same text with U+FFFD for each byte that no character can begin with; of any length.
std::string replace_invalid_utf8(std::string_view text);

/// One character of a UTF-8 text and the bytes [begin, end) it takes there.
struct CodePoint {
  char32_t value;
  std::size_t begin;
  std::size_t end;
};

/// The characters of a text in order. Throws as require_utf8 does.
std::vector<CodePoint> code_points(std::string_view text);

/// The same, each as a text of its own.
std::vector<std::string> characters(std::string_view text);

void append_utf8(std::string& text, char32_t code_point);

/// Normalization Form C of valid UTF-8.
std::string to_nfc(std::string_view text);

/// Unicode's White_Space property.
bool is_white_space(char32_t code_point);

}  // namespace glm_image::text
