#include "text/text_neighbours.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

namespace glm_image::text {
namespace {

constexpr std::size_t kLongestWord = 16;

bool is_combining(char32_t c) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_M_MASK) != 0;
}

bool is_invisible(char32_t c) {
  return u_charType(static_cast<UChar32>(c)) == U_FORMAT_CHAR;
}

bool is_unspaced(char32_t c) {
  UErrorCode status = U_ZERO_ERROR;
  switch (uscript_getScript(static_cast<UChar32>(c), &status)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_BOPOMOFO:
    case USCRIPT_HANGUL:
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
    case USCRIPT_TIBETAN:
    case USCRIPT_JAVANESE:
    case USCRIPT_BALINESE:
      return true;
    default:
      return false;
  }
}

}  // namespace

Neighbour neighbour_kind(char32_t c) {
  const auto code = static_cast<UChar32>(c);
  const uint32_t category = U_GET_GC_MASK(code);
  if (is_white_space(c) || (category & U_GC_CC_MASK) != 0) return Neighbour::kSpace;
  if ((category & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK)) != 0) {
    return is_unspaced(c) ? Neighbour::kUnspaced : Neighbour::kWord;
  }
  if (u_hasBinaryProperty(code, UCHAR_QUOTATION_MARK)) return Neighbour::kOther;
  constexpr std::u32string_view kOpening = U":：/=¿¡";
  if (kOpening.find(c) != std::u32string_view::npos ||
      (category & (U_GC_PS_MASK | U_GC_PI_MASK | U_GC_PD_MASK)) != 0) {
    return Neighbour::kOpening;
  }
  if (c == U'…' || (category & (U_GC_PE_MASK | U_GC_PF_MASK)) != 0 ||
      u_hasBinaryProperty(code, UCHAR_TERMINAL_PUNCTUATION)) {
    return Neighbour::kClosing;
  }
  return Neighbour::kOther;
}

char32_t visible_before(const std::vector<CodePoint>& text, std::size_t index) {
  while (index > 0) {
    const char32_t c = text[--index].value;
    const bool has_base = index > 0 && is_combining(c);
    if (!has_base && !is_invisible(c)) return c;
  }
  return U' ';
}

char32_t visible_after(const std::vector<CodePoint>& text, std::size_t index) {
  while (++index < text.size()) {
    if (!is_invisible(text[index].value)) return text[index].value;
  }
  return U' ';
}

bool is_digit(char32_t c) {
  return u_isdigit(static_cast<UChar32>(c)) != 0;
}

bool is_letter(char32_t c) {
  return u_isalpha(static_cast<UChar32>(c)) != 0;
}

bool is_hebrew_letter(char32_t c) {
  return c >= U'\u05D0' && c <= U'\u05EA';
}

bool is_arabic(char32_t c) {
  UErrorCode status = U_ZERO_ERROR;
  return uscript_getScript(static_cast<UChar32>(c), &status) == USCRIPT_ARABIC;
}

std::u32string word_from(const std::vector<CodePoint>& text, std::size_t begin) {
  std::u32string word;
  while (begin < text.size() && word.size() < kLongestWord &&
         (is_letter(text[begin].value) || is_digit(text[begin].value))) {
    word += static_cast<char32_t>(u_tolower(static_cast<UChar32>(text[begin++].value)));
  }
  return word;
}

std::u32string word_before(const std::vector<CodePoint>& text, std::size_t end) {
  std::u32string word;
  while (end > 0 && word.size() < kLongestWord &&
         (is_letter(text[end - 1].value) || is_digit(text[end - 1].value))) {
    word.insert(word.begin(),
                static_cast<char32_t>(u_tolower(static_cast<UChar32>(text[--end].value))));
  }
  return word;
}

}  // namespace glm_image::text
