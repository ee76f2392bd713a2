#include "text/quote_pairs.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>

namespace glm_image::text {
namespace {

/// Letters of scripts whose words, or whose quotations, are written without spaces around them.
bool is_east_asian_letter(char32_t c) {
  UErrorCode status = U_ZERO_ERROR;
  switch (uscript_getScript(static_cast<UChar32>(c), &status)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_BOPOMOFO:
    case USCRIPT_HANGUL:
    case USCRIPT_THAI:
      return true;
    default:
      return false;
  }
}

/// Letters and digits that an apostrophe may stand between; combining marks belong to them.
bool is_word_character(char32_t c) {
  const auto code = static_cast<UChar32>(c);
  const bool is_mark = (U_GET_GC_MASK(code) & U_GC_M_MASK) != 0;
  return (u_isalnum(code) || is_mark) && !is_east_asian_letter(c);
}

bool is_digit(char32_t c) {
  return u_isdigit(static_cast<UChar32>(c)) != 0;
}

/// Goes through a text once. Each family of marks keeps a stack of its open ones, so that a mark
/// left open by mistake hides none of the pairs after it.
class QuotePairing {
 public:
  explicit QuotePairing(const std::vector<CodePoint>& text) : text_(text), partners_(text.size()) {}

  std::vector<std::optional<std::size_t>> run() {
    for (at_ = 0; at_ < text_.size(); ++at_) visit(text_[at_].value);
    return std::move(partners_);
  }

 private:
  using Stack = std::vector<std::size_t>;

  void visit(char32_t mark) {
    switch (mark) {
      case U'"':
        return visit_straight_double();
      case U'\'':
        return visit_straight_single();
      case U'„':
        return open(curly_double_);
      case U'“':
        return is_open(curly_double_, U'„') ? close(curly_double_) : open(curly_double_);
      case U'”':
        if (!curly_double_.empty()) return close(curly_double_);
        if (may_open()) open(curly_double_);
        return;
      case U'‚':
        return open(curly_single_);
      case U'‘':
        return is_open(curly_single_, U'‚') ? close(curly_single_) : open(curly_single_);
      case U'’':
        if (!curly_single_.empty() && may_close()) close(curly_single_);
        return;
      case U'«':
        return visit_left_guillemet(guillemets_, U'»');
      case U'»':
        return visit_right_guillemet(guillemets_, U'«');
      case U'‹':
        return visit_left_guillemet(single_guillemets_, U'›');
      case U'›':
        return visit_right_guillemet(single_guillemets_, U'‹');
      case U'「':
        return open(corner_brackets_);
      case U'」':
        if (!corner_brackets_.empty()) close(corner_brackets_);
        return;
      case U'『':
        return open(white_corner_brackets_);
      case U'』':
        if (!white_corner_brackets_.empty()) close(white_corner_brackets_);
        return;
      default:
        return;
    }
  }

  /// Pairs up in order. German keyboards have no “, so „ may be closed by " too.
  void visit_straight_double() {
    if (!straight_double_.empty()) return close(straight_double_);
    if (is_open(curly_double_, U'„')) return close(curly_double_);
    const bool is_inch_mark = is_digit(before()) && !is_east_asian_letter(after());
    if (!is_inch_mark) open(straight_double_);
  }

  /// Has no left and right form, so a second opening mark means that the first was none.
  void visit_straight_single() {
    if (!straight_single_.empty() && may_close()) return close(straight_single_);
    if (!may_open() || is_decade()) return;
    straight_single_.clear();
    open(straight_single_);
  }

  /// « opens; in the German »…« it closes.
  void visit_left_guillemet(Stack& stack, char32_t reversed_opening) {
    if (is_open(stack, reversed_opening) && may_close()) return close(stack);
    open(stack);
  }

  void visit_right_guillemet(Stack& stack, char32_t opening) {
    if (is_open(stack, opening)) return close(stack);
    if (may_open()) open(stack);
  }

  void open(Stack& stack) { stack.push_back(at_); }

  void close(Stack& stack) {
    partners_[stack.back()] = at_;
    stack.pop_back();
  }

  bool is_open(const Stack& stack, char32_t mark) const {
    return !stack.empty() && text_[stack.back()].value == mark;
  }

  /// The neighbours of the mark; a space at either end of the text.
  char32_t before() const { return at_ == 0 ? U' ' : text_[at_ - 1].value; }
  char32_t after(std::size_t distance = 1) const {
    return at_ + distance < text_.size() ? text_[at_ + distance].value : U' ';
  }

  bool may_open() const { return !is_word_character(before()) && !is_white_space(after()); }
  bool may_close() const { return !is_white_space(before()) && !is_word_character(after()); }

  /// '90s, unless it is quoted: '90s'
  bool is_decade() const {
    return is_digit(after(1)) && is_digit(after(2)) && after(3) == U's' &&
           !is_word_character(after(4)) && after(4) != U'\'';
  }

  const std::vector<CodePoint>& text_;
  std::vector<std::optional<std::size_t>> partners_;
  std::size_t at_ = 0;
  Stack straight_double_;
  Stack straight_single_;
  Stack curly_double_;
  Stack curly_single_;
  Stack guillemets_;
  Stack single_guillemets_;
  Stack corner_brackets_;
  Stack white_corner_brackets_;
};

}  // namespace

std::vector<std::optional<std::size_t>> quote_pairs(const std::vector<CodePoint>& text) {
  return QuotePairing(text).run();
}

}  // namespace glm_image::text
