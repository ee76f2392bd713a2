#include "text/quote_pairs.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>

namespace glm_image::text {
namespace {

using Styles = std::bitset<kMarkStyles>;

template <typename... Style>
Styles styles(Style... style) {
  Styles set;
  (set.set(static_cast<std::size_t>(style)), ...);
  return set;
}

using S = MarkStyle;

const Styles& doubles() {
  static const auto set = styles(S::kStraightDouble,
                                 S::kHighLeftDouble,
                                 S::kHighRightDouble,
                                 S::kLowDouble,
                                 S::kGraveDouble,
                                 S::kOpenPrime);
  return set;
}

const Styles& guillemets() {
  static const auto set = styles(S::kLeftGuillemet, S::kRightGuillemet);
  return set;
}

const Styles& singles() {
  static const auto set =
      styles(S::kStraightSingle, S::kHighLeftSingle, S::kHighRightSingle, S::kLowSingle, S::kGrave);
  return set;
}

/// The opening marks that pair with a closing mark in some language.
Styles native_openings(MarkStyle closing) {
  switch (closing) {
    case S::kStraightDouble:
      return styles(S::kStraightDouble, S::kLowDouble);
    case S::kHighLeftDouble:
      return styles(S::kLowDouble, S::kHighRightDouble);
    case S::kHighRightDouble:
      return styles(S::kHighLeftDouble, S::kLowDouble, S::kHighRightDouble, S::kGraveDouble);
    case S::kGraveDouble:
      return styles(S::kGraveDouble);
    case S::kTwoSingles:
      return styles(S::kLowDouble, S::kGraveDouble);
    case S::kClosePrime:
      return styles(S::kOpenPrime);
    case S::kLeftGuillemet:
      return styles(S::kRightGuillemet);
    case S::kRightGuillemet:
      return guillemets();
    case S::kStraightSingle:
      return styles(S::kStraightSingle, S::kGrave);
    case S::kHighLeftSingle:
      return styles(S::kLowSingle, S::kHighRightSingle);
    case S::kHighRightSingle:
      return styles(S::kHighLeftSingle, S::kLowSingle, S::kHighRightSingle);
    case S::kGrave:
      return styles(S::kGrave);
    case S::kLeftAngle:
      return styles(S::kRightAngle);
    case S::kRightAngle:
      return styles(S::kLeftAngle, S::kRightAngle);
    case S::kCloseCorner:
      return styles(S::kOpenCorner);
    case S::kCloseWhiteCorner:
      return styles(S::kOpenWhiteCorner);
    case S::kCloseTitle:
      return styles(S::kOpenTitle);
    case S::kCloseSingleTitle:
      return styles(S::kOpenSingleTitle);
    case S::kGreater:
      return styles(S::kLess);
    default:
      return {};
  }
}

/// Other opening marks that a mark closes: mixed styles.
Styles mixed_openings(MarkStyle closing) {
  switch (closing) {
    case S::kStraightDouble:
    case S::kHighLeftDouble:
    case S::kHighRightDouble:
    case S::kClosePrime:
    case S::kRightGuillemet:
      return doubles() | guillemets();
    case S::kStraightSingle:
    case S::kHighLeftSingle:
    case S::kHighRightSingle:
    case S::kGrave:
      return singles();
    default:
      return {};
  }
}

/// Processes the marks once, with a stack of open marks for each style, so that a mark without a
/// partner does not hide the pairs after it.
class QuotePairing {
 public:
  explicit QuotePairing(std::vector<QuoteMark> marks) : marks_(std::move(marks)) {}

  std::vector<QuotePair> run() {
    for (const auto& mark : marks_) straight_left_ += is_undecided_straight(mark) ? 1 : 0;
    for (at_ = 0; at_ < marks_.size(); ++at_) {
      visit();
      if (is_undecided_straight(mark())) --straight_left_;
    }
    std::sort(pairs_.begin(), pairs_.end(), [](const QuotePair& a, const QuotePair& b) {
      return a.open.first < b.open.first;
    });
    return std::move(pairs_);
  }

 private:
  using Index = std::optional<std::size_t>;

  void visit() {
    switch (mark().style) {
      case S::kOpenCorner:
      case S::kOpenWhiteCorner:
      case S::kOpenTitle:
      case S::kOpenSingleTitle:
      case S::kLess:
      case S::kOpenPrime:
        return open();
      case S::kCloseCorner:
      case S::kCloseWhiteCorner:
      case S::kCloseTitle:
      case S::kCloseSingleTitle:
      case S::kGreater:
        close(native());
        return;
      default:
        break;
    }
    switch (mark().flank) {
      case Flank::kOpens:
        // A doubtful mark inside a quotation is its apostrophe.
        if (mark().doubt == Doubt::kNone || !innermost(same_family())) open();
        return;
      case Flank::kCloses:
        if (!close(native()) && !close(mixed()) && opens_by_nature()) open();
        return;
      case Flank::kEither:
        return visit_undecided();
    }
  }

  /// The neighbours suggest no direction: the open marks decide.
  void visit_undecided() {
    const bool is_single = singles()[index_of(mark().style)];
    if (is_single && mark().isolated) {
      // ‘ Bien ’, but not the apostrophes of: rock ' n roll.
      const auto opening = innermost(native());
      if (opening && marks_[*opening].isolated) {
        close(native());
      } else if (mark().style != S::kHighRightSingle) {
        open();
      }
      return;
    }
    if (closes_by_nature()) {
      if (close(native()) || close(mixed())) return;
      if (!mark().isolated) open();
      return;
    }
    // An isolated « opens even after a ».
    const bool is_guillemet = mark().style == S::kLeftGuillemet || mark().style == S::kLeftAngle;
    if (!(is_guillemet && mark().isolated) && close(native())) return;
    // “春节"的: an odd number of " means that one of them closes another mark.
    if (mark().style == S::kStraightDouble && straight_left_ % 2 == 1 && close(doubles())) return;
    if (mark().style == S::kStraightSingle && close(singles())) return;
    open();
  }

  bool opens_by_nature() const {
    switch (mark().style) {
      case S::kHighLeftDouble:
      case S::kLowDouble:
      case S::kLeftGuillemet:
      case S::kLowSingle:
      case S::kLeftAngle:
        return true;
      default:
        return false;
    }
  }

  bool closes_by_nature() const {
    switch (mark().style) {
      case S::kHighRightDouble:
      case S::kHighRightSingle:
      case S::kRightGuillemet:
      case S::kRightAngle:
      case S::kClosePrime:
      case S::kTwoSingles:
        return true;
      default:
        return false;
    }
  }

  static bool is_undecided_straight(const QuoteMark& mark) {
    return mark.style == S::kStraightDouble && mark.flank == Flank::kEither;
  }

  static std::size_t index_of(MarkStyle style) { return static_cast<std::size_t>(style); }
  const QuoteMark& mark() const { return marks_[at_]; }
  Styles native() const { return native_openings(mark().style); }

  /// An inch mark does not close «.
  Styles mixed() const {
    const auto openings = mixed_openings(mark().style);
    return mark().doubt != Doubt::kNone ? openings & ~guillemets() : openings;
  }

  Styles same_family() const { return singles()[index_of(mark().style)] ? singles() : doubles(); }

  void open() { open_[index_of(mark().style)].push_back(at_); }

  /// The last open mark of one of these styles.
  Index innermost(const Styles& wanted) const {
    Index found;
    for (std::size_t style = 0; style < kMarkStyles; ++style) {
      if (!wanted[style] || open_[style].empty()) continue;
      if (!found || open_[style].back() > *found) found = open_[style].back();
    }
    return found;
  }

  /// Pairs the mark with the innermost open one of these styles. Marks opened inside stay unpaired.
  bool close(const Styles& wanted) {
    const auto opening = innermost(wanted);
    if (!opening) return false;
    pairs_.push_back({marks_[*opening], mark()});
    for (auto& stack : open_) {
      while (!stack.empty() && stack.back() >= *opening) stack.pop_back();
    }
    return true;
  }

  std::vector<QuoteMark> marks_;
  std::vector<QuotePair> pairs_;
  std::array<std::vector<std::size_t>, kMarkStyles> open_;
  std::size_t at_ = 0;
  std::size_t straight_left_ = 0;
};

}  // namespace

std::vector<QuotePair> quote_pairs(const std::vector<CodePoint>& text) {
  return QuotePairing(quote_marks(text)).run();
}

}  // namespace glm_image::text
