#include "text/quote_marks.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "text/apostrophes.h"
#include "text/text_neighbours.h"

namespace glm_image::text {
namespace {

struct MarkCharacter {
  char32_t character;
  MarkStyle style;
};

constexpr MarkCharacter kMarkCharacters[] = {
    {U'"', MarkStyle::kStraightDouble},      {U'＂', MarkStyle::kStraightDouble},
    {U'\u05F4', MarkStyle::kStraightDouble},  // Hebrew gershayim, the quotation mark of phones
    {U'“', MarkStyle::kHighLeftDouble},      {U'‟', MarkStyle::kHighLeftDouble},
    {U'❝', MarkStyle::kHighLeftDouble},      {U'”', MarkStyle::kHighRightDouble},
    {U'❞', MarkStyle::kHighRightDouble},     {U'„', MarkStyle::kLowDouble},
    {U'⹂', MarkStyle::kLowDouble},         {U'〝', MarkStyle::kOpenPrime},
    {U'〞', MarkStyle::kClosePrime},         {U'〟', MarkStyle::kClosePrime},
    {U'«', MarkStyle::kLeftGuillemet},       {U'»', MarkStyle::kRightGuillemet},
    {U'\'', MarkStyle::kStraightSingle},     {U'＇', MarkStyle::kStraightSingle},
    {U'\u00B4', MarkStyle::kStraightSingle},  // acute accent typed for an apostrophe
    {U'\u05F3', MarkStyle::kStraightSingle},  // Hebrew geresh
    {U'‘', MarkStyle::kHighLeftSingle},      {U'‛', MarkStyle::kHighLeftSingle},
    {U'❛', MarkStyle::kHighLeftSingle},      {U'’', MarkStyle::kHighRightSingle},
    {U'❜', MarkStyle::kHighRightSingle},     {U'‚', MarkStyle::kLowSingle},
    {U'‹', MarkStyle::kLeftAngle},           {U'›', MarkStyle::kRightAngle},
    {U'「', MarkStyle::kOpenCorner},         {U'｢', MarkStyle::kOpenCorner},
    {U'﹁', MarkStyle::kOpenCorner},         {U'」', MarkStyle::kCloseCorner},
    {U'｣', MarkStyle::kCloseCorner},         {U'﹂', MarkStyle::kCloseCorner},
    {U'『', MarkStyle::kOpenWhiteCorner},    {U'﹃', MarkStyle::kOpenWhiteCorner},
    {U'』', MarkStyle::kCloseWhiteCorner},   {U'﹄', MarkStyle::kCloseWhiteCorner},
    {U'《', MarkStyle::kOpenTitle},          {U'》', MarkStyle::kCloseTitle},
    {U'〈', MarkStyle::kOpenSingleTitle},    {U'〉', MarkStyle::kCloseSingleTitle},
};

std::optional<MarkStyle> style_of(char32_t c) {
  for (const auto& mark : kMarkCharacters) {
    if (mark.character == c) return mark.style;
  }
  return std::nullopt;
}

bool is_single(MarkStyle style) {
  return style >= MarkStyle::kStraightSingle && style <= MarkStyle::kGrave;
}

bool is_double(MarkStyle style) {
  return style <= MarkStyle::kClosePrime;
}

/// Weighs the evidence for an opening mark against that for a closing mark.
Flank flank_between(Neighbour before, Neighbour after) {
  const auto weight = [](Neighbour kind, int opening, int other) {
    switch (kind) {
      case Neighbour::kSpace:
        return 2;
      case Neighbour::kWord:
        return -2;
      case Neighbour::kOpening:
        return opening;
      case Neighbour::kClosing:
        return -2;
      case Neighbour::kOther:
        return other;
      case Neighbour::kUnspaced:
        break;
    }
    return 0;
  };
  const bool touches_unspaced = before == Neighbour::kUnspaced || after == Neighbour::kUnspaced;
  const bool touches_space = before == Neighbour::kSpace || after == Neighbour::kSpace;
  if (touches_unspaced && !touches_space) {
    if (after == Neighbour::kClosing) return Flank::kCloses;
    return before == Neighbour::kOpening ? Flank::kOpens : Flank::kEither;
  }
  // The end of a clause after a mark suggests a closing mark, as a space does.
  const int behind = after == Neighbour::kClosing ? 2 : weight(after, /*opening=*/-1, /*other=*/1);
  const int score = weight(before, /*opening=*/2, /*other=*/1) - behind;
  if (score == 0) return Flank::kEither;
  return score > 0 ? Flank::kOpens : Flank::kCloses;
}

/// Reads the marks of a text from left to right.
class MarkReader {
 public:
  explicit MarkReader(const std::vector<CodePoint>& text) : text_(text) {}

  std::vector<QuoteMark> run() {
    has_tags_ = has_pair(U'<', U'/') || has_pair(U'/', U'>');
    std::size_t run_end = 0;
    for (at_ = 0; at_ < text_.size();) {
      if (run_end <= at_) run_end = at_ + 1;
      while (run_end < text_.size() && text_[run_end].value == text_[at_].value) ++run_end;
      at_ += visit_run(run_end - at_);
    }
    remove_apostrophes();
    resolve_doubt(is_single);
    resolve_doubt(is_double);
    marks_.erase(std::remove_if(marks_.begin(),
                                marks_.end(),
                                [](const QuoteMark& mark) { return mark.last < mark.first; }),
                 marks_.end());
    return std::move(marks_);
  }

 private:
  /// Reads marks from a run of one character; returns the number of characters read.
  std::size_t visit_run(std::size_t length) {
    const char32_t c = text_[at_].value;
    switch (c) {
      case U'`':  // Three begin or end a block of code.
        if (length <= 2) add(length == 2 ? MarkStyle::kGraveDouble : MarkStyle::kGrave, length);
        return length;
      case U',':
        visit_commas(length);
        return length;
      case U'<':
        if (length == 2) add(MarkStyle::kLeftGuillemet, length);
        if (length == 1) visit_less();
        return length;
      case U'>':
        if (length == 2) add(MarkStyle::kRightGuillemet, length);
        if (length == 1 && at_ == greater_) add(MarkStyle::kGreater, length);
        return length;
      case U'\'':
        if (length == 2 && low_open_ > 0 && kind_before() != Neighbour::kSpace) {
          --low_open_;
          add(MarkStyle::kTwoSingles, length);
          marks_.back().flank = Flank::kCloses;
          return length;
        }
        break;
      default:
        break;
    }
    if (const auto style = style_of(c)) add(*style, /*length=*/1);
    return 1;
  }

  void visit_commas(std::size_t length) {
    const auto before = kind_before();
    if (length != 2 || before == Neighbour::kWord || before == Neighbour::kUnspaced) return;
    if (neighbour_kind(visible_after(text_, at_ + 1)) == Neighbour::kSpace) return;
    add(MarkStyle::kLowDouble, length);
  }

  /// < opens a quotation unless it begins a tag, a comparison or an address.
  void visit_less() {
    if (has_tags_ || kind_before() == Neighbour::kWord) return;
    std::size_t i = at_ + 1;
    while (i < text_.size() && is_white_space(text_[i].value) && text_[i].value != U'\n') ++i;
    const char32_t first = i < text_.size() ? text_[i].value : U' ';
    const bool is_lower_ascii = first >= U'a' && first <= U'z';
    if (!is_letter(first) || is_lower_ascii) return;
    constexpr std::u32string_view kNotQuoted = U"<|/=@#:;{}[]_\\\n";
    for (; i < text_.size() && kNotQuoted.find(text_[i].value) == std::u32string_view::npos; ++i) {
      if (text_[i].value == U'>') {
        greater_ = i;
        return add(MarkStyle::kLess, /*length=*/1);
      }
    }
  }

  void add(MarkStyle style, std::size_t length) {
    QuoteMark mark{style, at_, at_ + length - 1};
    if (at_ > 0 && text_[at_ - 1].value == U'\\') --mark.first;
    if (style == MarkStyle::kLowDouble || style == MarkStyle::kGraveDouble) ++low_open_;
    const char32_t before = visible_before(text_, mark.first);
    const char32_t after = visible_after(text_, mark.last);
    const auto kind_before = neighbour_kind(before);
    const auto kind_after = neighbour_kind(after);
    mark.flank = flank_between(kind_before, kind_after);
    mark.isolated = kind_before == Neighbour::kSpace && kind_after == Neighbour::kSpace;
    const bool inside_word = kind_before == Neighbour::kWord && kind_after == Neighbour::kWord;
    if (is_single(style)) {
      const bool is_unit = mark.isolated && mark.first > 1 && is_digit(text_[mark.first - 2].value);
      if ((inside_word && !is_arabic(before)) || is_unit) return;
      if (mark.flank == Flank::kCloses) mark.doubt = closing_doubt(text_, mark.first, mark.last);
      if (mark.flank == Flank::kOpens && style != MarkStyle::kLowSingle) {
        if (begins_elided(text_, mark.last + 1)) mark.doubt = Doubt::kSome;
      }
    }
    if (style == MarkStyle::kStraightDouble) {
      if (inside_word && is_hebrew_letter(before) && is_hebrew_letter(after)) {
        if (!follows_hebrew_prefix(mark)) return;
        mark.flank = Flank::kOpens;
        mark.doubt = Doubt::kSome;
      } else if (is_digit(before) && kind_after != Neighbour::kUnspaced) {
        mark.flank = Flank::kCloses;
        mark.doubt = Doubt::kSome;
      }
    }
    marks_.push_back(mark);
  }

  /// ה"שוק" quotes, צה"ל is an acronym: its mark comes before the last letter.
  bool follows_hebrew_prefix(const QuoteMark& mark) const {
    constexpr std::u32string_view kPrefixes = U"משהוכלב";
    constexpr std::size_t kLongest = 3;
    std::size_t begin = mark.first;
    while (begin > 0 && is_hebrew_letter(text_[begin - 1].value)) {
      if (kPrefixes.find(text_[--begin].value) == std::u32string_view::npos) return false;
      if (mark.first - begin > kLongest) return false;
    }
    return mark.last + 2 < text_.size() && is_hebrew_letter(text_[mark.last + 2].value);
  }

  void remove(QuoteMark& mark) { mark.first = mark.last + 1; }
  static bool is_removed(const QuoteMark& mark) { return mark.last < mark.first; }

  void remove_apostrophes() {
    bool in_quotation = false;
    for (std::size_t i = 0; i < marks_.size(); ++i) {
      QuoteMark& mark = marks_[i];
      if (!is_single(mark.style) || is_removed(mark)) continue;
      const bool was_in_quotation = in_quotation;
      if (mark.doubt == Doubt::kNone) in_quotation = mark.flank == Flank::kOpens;
      if (i + 1 == marks_.size()) break;
      QuoteMark& next = marks_[i + 1];
      if (!is_single(next.style)) continue;
      if (mark.flank != Flank::kOpens || next.flank != Flank::kCloses) continue;
      if (is_and_between_words(text_, mark.last, next.first)) {
        remove(mark);
        remove(next);
        in_quotation = was_in_quotation;
      } else if (mark.doubt != Doubt::kNone &&
                 word_from(text_, mark.last + 1).size() == next.first - mark.last - 1) {
        // '90s' is quoted; in 'Class of '99' the mark is an apostrophe.
        if (was_in_quotation) remove(mark);
        mark.doubt = next.doubt = Doubt::kNone;
      }
    }
  }

  /// A doubtful mark is read as a quotation mark only where the marks around it need one. Of two
  /// closing marks in a row the more doubtful is the apostrophe: 'The Boys' Club'. A doubtful
  /// opening mark counts if the next certain mark on its line closes.
  template <typename IsOfFamily>
  void resolve_doubt(IsOfFamily is_of_family) {
    bool closing_follows = false;     // whether the next mark closes,
    Doubt next_doubt = Doubt::kNone;  // and its doubt
    std::size_t scanned = text_.size();
    for (std::size_t i = marks_.size(); i-- > 0;) {
      QuoteMark& mark = marks_[i];
      if (is_removed(mark) || !is_of_family(mark.style)) continue;
      for (; scanned > mark.last; --scanned) {
        if (text_[scanned - 1].value == U'\n') closing_follows = false;
      }
      const bool closes = mark.flank == Flank::kCloses;
      if (mark.doubt == Doubt::kNone) {
        closing_follows = closes;
        next_doubt = Doubt::kNone;
      } else if (closes && !closing_follows) {
        closing_follows = true;
        next_doubt = mark.doubt;
      } else if (closes ? next_doubt < mark.doubt
                        : !closing_follows || next_doubt != Doubt::kNone) {
        remove(mark);
      }
    }
  }

  bool has_pair(char32_t first, char32_t second) const {
    for (std::size_t i = 1; i < text_.size(); ++i) {
      if (text_[i - 1].value == first && text_[i].value == second) return true;
    }
    return false;
  }

  Neighbour kind_before() const { return neighbour_kind(visible_before(text_, at_)); }

  const std::vector<CodePoint>& text_;
  std::vector<QuoteMark> marks_;
  std::size_t at_ = 0;
  std::size_t low_open_ = 0;  // „ ,, and `` that '' may close
  std::size_t greater_ = 0;   // the > of the last < that opened
  bool has_tags_ = false;
};

}  // namespace

std::vector<QuoteMark> quote_marks(const std::vector<CodePoint>& text) {
  return MarkReader(text).run();
}

}  // namespace glm_image::text
