#pragma once

#include <cstddef>
#include <vector>

#include "text/unicode.h"

namespace glm_image::text {

/// The shape of a quotation mark. Variants of a mark (full width, ornaments) have the same style.
enum class MarkStyle {
  kStraightDouble,    ///< "
  kHighLeftDouble,    ///< “
  kHighRightDouble,   ///< ”
  kLowDouble,         ///< „ and ,,
  kGraveDouble,       ///< ``
  kTwoSingles,        ///< '' that closes ,, or ``
  kOpenPrime,         ///< 〝
  kClosePrime,        ///< 〟
  kLeftGuillemet,     ///< « and <<
  kRightGuillemet,    ///< » and >>
  kStraightSingle,    ///< ' and ´
  kHighLeftSingle,    ///< ‘
  kHighRightSingle,   ///< ’
  kLowSingle,         ///< ‚
  kGrave,             ///< `
  kLeftAngle,         ///< ‹
  kRightAngle,        ///< ›
  kOpenCorner,        ///< 「
  kCloseCorner,       ///< 」
  kOpenWhiteCorner,   ///< 『
  kCloseWhiteCorner,  ///< 』
  kOpenTitle,         ///< 《
  kCloseTitle,        ///< 》
  kOpenSingleTitle,   ///< 〈
  kCloseSingleTitle,  ///< 〉
  kLess,              ///< < of <Saaba>
  kGreater,           ///< >
};
inline constexpr std::size_t kMarkStyles = 27;

/// The role that the characters beside a mark suggest.
enum class Flank { kOpens, kCloses, kEither };

/// How likely a mark is an apostrophe, an inch mark or gershayim instead.
enum class Doubt {
  kNone,
  kSome,  ///< a plural possessive, a unit, the apostrophe of 'til
  kMuch,  ///< after a word that usually has an apostrophe: N' Roses, un po' di
};

struct QuoteMark {
  MarkStyle style;
  std::size_t first;  ///< index of its first character; a backslash before it belongs to it
  std::size_t last;   ///< index of its last character
  Flank flank = Flank::kEither;
  bool isolated = false;  ///< white space on both sides
  Doubt doubt = Doubt::kNone;
};

/// Returns the marks of a text that may be quotation marks, in order, without apostrophes, units
/// and marks inside words. Linear in the length of the text.
std::vector<QuoteMark> quote_marks(const std::vector<CodePoint>& text);

}  // namespace glm_image::text
