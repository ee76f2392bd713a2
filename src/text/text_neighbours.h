#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "text/unicode.h"

namespace glm_image::text {

/// The kind of a character beside a quotation mark.
enum class Neighbour {
  kSpace,     ///< white space, or an end of the text
  kWord,      ///< a letter or digit of a script that separates words with spaces
  kUnspaced,  ///< a letter of a script that does not, or of Hangul: quotations touch their context
  kOpening,   ///< an opening bracket, a dash, a colon
  kClosing,   ///< a closing bracket, the end of a clause
  kOther,     ///< symbols, and other quotation marks
};

Neighbour neighbour_kind(char32_t c);

/// Returns the visible character before or after the one at `index`. Combining marks belong to
/// their letter, and direction marks are skipped. Returns a space at either end of the text.
char32_t visible_before(const std::vector<CodePoint>& text, std::size_t index);
char32_t visible_after(const std::vector<CodePoint>& text, std::size_t index);

bool is_digit(char32_t c);
bool is_letter(char32_t c);
bool is_hebrew_letter(char32_t c);
/// Arabic script, which has no apostrophes inside words.
bool is_arabic(char32_t c);

/// Returns the word that begins at `begin`, or that ends before `end`, in lower case, truncated to
/// 16 characters.
std::u32string word_from(const std::vector<CodePoint>& text, std::size_t begin);
std::u32string word_before(const std::vector<CodePoint>& text, std::size_t end);

}  // namespace glm_image::text
