#include "text/prompt_parts.h"

#include <unicode/utf16.h>

#include <optional>
#include <string>
#include <string_view>

#include "text/text_keys.h"
#include "text/text_neighbours.h"

namespace glm_image::text {
namespace {

constexpr std::size_t kLongestKey = 64;

enum class Delimiter { kDouble, kSingle };

std::optional<Delimiter> delimiter_of(char32_t c) {
  constexpr std::u32string_view kDoubles = U"\"“”„＂";
  constexpr std::u32string_view kSingles = U"'‘’";
  if (kDoubles.find(c) != std::u32string_view::npos) return Delimiter::kDouble;
  if (kSingles.find(c) != std::u32string_view::npos) return Delimiter::kSingle;
  return std::nullopt;
}

/// Reads a prompt from left to right. It backtracks only over keys, whose length is bounded.
class PartReader {
 public:
  explicit PartReader(const std::vector<CodePoint>& prompt)
      : prompt_(prompt), next_visible_(prompt.size() + 1, prompt.size()) {
    for (std::size_t i = prompt.size(); i-- > 0;) {
      next_visible_[i] = is_white_space(prompt[i].value) ? next_visible_[i + 1] : i;
    }
  }

  std::vector<PromptPart> run() {
    if (read_json_string()) return std::move(parts_);
    while (at_ < prompt_.size()) {
      if (is('{') && key_at(at_ + 1)) {
        end_prose();
        levels_.push_back({/*is_object=*/true});
        ++at_;
        read_members();
        prose_begin_ = at_;
      } else if (begins_line() && begins_member()) {
        end_prose();
        levels_.push_back({/*is_object=*/true});
        read_members();
        prose_begin_ = at_;
      } else {
        ++at_;
      }
    }
    end_prose();
    return std::move(parts_);
  }

 private:
  struct Level {
    bool is_object = true;
    bool holds_texts = false;  // an enclosing key names a text
  };

  struct Key {
    std::u32string name;
    std::size_t end;  // after the colon
    bool is_quoted;
  };

  bool is(char c) const { return at(at_) == static_cast<char32_t>(c); }
  char32_t at(std::size_t index) const {
    return index < prompt_.size() ? prompt_[index].value : U'\0';
  }

  std::size_t skip_space(std::size_t index) const {
    return index < prompt_.size() ? next_visible_[index] : index;
  }

  /// Reads a prompt that is one JSON string: it begins and ends with ", and those inside are
  /// escaped.
  bool read_json_string() {
    std::size_t last = prompt_.size();
    while (last > 0 && is_white_space(at(last - 1))) --last;
    const auto first = skip_space(0);
    if (first + 1 >= last || at(first) != U'"' || at(last - 1) != U'"') return false;
    bool has_escapes = false;
    for (std::size_t i = first + 1; i + 1 < last; ++i) {
      if (at(i) == U'"') return false;
      if (at(i) != U'\\') continue;
      ++i;
      if (i + 1 >= last) return false;
      has_escapes = has_escapes || at(i) == U'"';
    }
    return has_escapes && read_string(first, Delimiter::kDouble, /*is_text=*/false);
  }

  bool begins_line() {
    if (at_ == 0 || at(at_ - 1) == U'\n' || at(at_ - 1) == U'\r') line_is_blank_ = true;
    const bool result = line_is_blank_;
    if (!is_white_space(at(at_))) line_is_blank_ = false;
    return result;
  }

  /// Whether a quoted key follows, with a value that is a string, an object or a list.
  bool begins_member() const {
    const auto key = key_at(at_);
    if (!key || !key->is_quoted) return false;
    const char32_t value = at(skip_space(key->end));
    return delimiter_of(value) || value == U'{' || value == U'[';
  }

  /// Parses a quoted or bare key with its colon.
  std::optional<Key> key_at(std::size_t index) const {
    index = skip_space(index);
    const auto delimiter = delimiter_of(at(index));
    Key key;
    key.is_quoted = delimiter.has_value();
    if (delimiter) ++index;
    for (;; ++index) {
      const char32_t c = at(index);
      if (index >= prompt_.size() || key.name.size() > kLongestKey) return std::nullopt;
      if (delimiter ? delimiter_of(c) == delimiter
                    : !is_letter(c) && !is_digit(c) && c != U'_' && c != U'-')
        break;
      key.name += c;
    }
    if (key.name.empty()) return std::nullopt;
    index = skip_space(delimiter ? index + 1 : index);
    if (at(index) != U':' && at(index) != U'：') return std::nullopt;
    key.end = index + 1;
    return key;
  }

  /// Reads the members of the innermost level, up to its end or to something that is not JSON.
  void read_members() {
    while (!levels_.empty()) {
      const auto next = skip_space(at_);
      const char32_t c = at(next);
      const Level level = levels_.back();
      if (next < prompt_.size() && c == U',') {
        at_ = next + 1;
      } else if (c == (level.is_object ? U'}' : U']')) {
        at_ = next + 1;
        levels_.pop_back();
      } else if (!level.is_object) {
        if (!read_value(next, level.holds_texts)) return levels_.clear();
      } else {
        const auto key = key_at(next);
        if (!key) return levels_.clear();
        at_ = key->end;
        const bool names_text = names_a_text(key->name);
        const bool is_text = names_text || (level.holds_texts && names_content(key->name));
        if (!read_value(skip_space(at_), is_text)) return levels_.clear();
      }
    }
  }

  /// Reads a value at `index`, or the beginning of a list or an object.
  bool read_value(std::size_t index, bool is_text) {
    const char32_t c = at(index);
    if (c == U'{' || c == U'[') {
      levels_.push_back({/*is_object=*/c == U'{', is_text});
      at_ = index + 1;
      return true;
    }
    if (const auto delimiter = delimiter_of(c)) return read_string(index, *delimiter, is_text);
    // A number, true, null, a bare word.
    std::size_t end = index;
    constexpr std::u32string_view kEnds = U",}]{[\n";
    while (end < prompt_.size() && kEnds.find(prompt_[end].value) == std::u32string_view::npos &&
           !delimiter_of(prompt_[end].value)) {
      ++end;
    }
    at_ = end;
    return end > index;
  }

  bool read_string(std::size_t begin, Delimiter delimiter, bool is_text) {
    bool& has_no_end = has_no_end_[static_cast<std::size_t>(delimiter)];
    if (has_no_end) return false;
    std::size_t end = begin + 1;
    while (end < prompt_.size() && !(delimiter_of(at(end)) == delimiter && ends_value(end + 1))) {
      end += at(end) == U'\\' ? 2 : 1;
    }
    if (end >= prompt_.size()) {
      has_no_end = true;
      return false;
    }
    PromptPart part{is_text ? PromptPart::Kind::kTextValue : PromptPart::Kind::kValue,
                    {},
                    prompt_[begin].begin,
                    prompt_[end].end};
    for (std::size_t i = begin + 1; i < end;) i = add_character(i, end, part.points);
    parts_.push_back(std::move(part));
    at_ = end + 1;
    return true;
  }

  /// Whether a quotation mark ends a value: it may contain unescaped marks, so check what follows.
  bool ends_value(std::size_t index) const {
    while (at(index) == U' ' || at(index) == U'\t') ++index;
    if (index >= prompt_.size()) return true;
    if (at(index) == U'/' && at(index + 1) == U'/') return true;
    // The comma before the next key may be missing.
    if (delimiter_of(at(index)) && key_at(index)) return true;
    constexpr std::u32string_view kAfterValue = U",}]\n\r";
    return kAfterValue.find(at(index)) != std::u32string_view::npos;
  }

  /// Adds the character at `index` of a string that ends at `end`; returns the index after it.
  std::size_t add_character(std::size_t index,
                            std::size_t end,
                            std::vector<CodePoint>& points) const {
    CodePoint point = prompt_[index];
    std::size_t next = index + 1;
    if (point.value == U'\\' && next < end) {
      const char32_t escape = at(next++);
      point.value = escape;
      if (escape == U'n' || escape == U'r') point.value = U'\n';
      if (escape == U't') point.value = U'\t';
      if (escape == U'u') {
        point.value = unicode_escape(next, end).value_or(U'u');
        if (point.value != U'u') next += 4;
        const auto low = next + 1 < end && at(next) == U'\\' && at(next + 1) == U'u'
                             ? unicode_escape(next + 2, end)
                             : std::nullopt;
        if (U16_IS_LEAD(point.value) && low && U16_IS_TRAIL(*low)) {
          point.value = static_cast<char32_t>(U16_GET_SUPPLEMENTARY(point.value, *low));
          next += 6;
        }
        if (U_IS_SURROGATE(point.value)) point.value = U'\uFFFD';
      }
      point.end = prompt_[next - 1].end;
    }
    points.push_back(point);
    return next;
  }

  std::optional<char32_t> unicode_escape(std::size_t index, std::size_t end) const {
    char32_t value = 0;
    for (std::size_t i = index; i < index + 4; ++i) {
      const char32_t c = i < end ? at(i) : U' ';
      const bool is_decimal = c >= U'0' && c <= U'9';
      const char32_t lower = c | 0x20;
      if (!is_decimal && (lower < U'a' || lower > U'f')) return std::nullopt;
      value = value * 16 + (is_decimal ? c - U'0' : lower - U'a' + 10);
    }
    return value;
  }

  void end_prose() {
    if (at_ <= prose_begin_) return;
    const auto first = prompt_.begin() + static_cast<std::ptrdiff_t>(prose_begin_);
    const auto last = prompt_.begin() + static_cast<std::ptrdiff_t>(at_);
    parts_.push_back({PromptPart::Kind::kProse, {first, last}, first->begin, prompt_[at_ - 1].end});
  }

  const std::vector<CodePoint>& prompt_;
  /// By position, the first at or after it that is not white space. Any position may begin a key,
  /// so that a search each time would take quadratic time in a run of blanks.
  std::vector<std::size_t> next_visible_;
  std::vector<PromptPart> parts_;
  std::vector<Level> levels_;
  std::size_t at_ = 0;
  std::size_t prose_begin_ = 0;
  bool line_is_blank_ = true;
  bool has_no_end_[2] = {false, false};
};

}  // namespace

std::vector<PromptPart> prompt_parts(const std::vector<CodePoint>& prompt) {
  return PartReader(prompt).run();
}

}  // namespace glm_image::text
