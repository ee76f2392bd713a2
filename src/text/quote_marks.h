#pragma once

#include <cstddef>
#include <vector>

#include "text/unicode.h"

namespace glm_image::text {

/// What a quotation mark looks like. Variants of one mark (full width, ornaments) are one style.
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

/// The direction that the neighbours of a mark give it.
enum class Flank { kOpens, kCloses, kEither };

/// How likely a mark is an apostrophe, an inch mark or gershayim instead.
enum class Doubt {
  kNone,
  kSome,  ///< a plural possessive, a unit, the apostrophe of 'til
  kMuch,  ///< behind a word that is mostly written so: N' Roses, un po' di
};

struct QuoteMark {
  MarkStyle style;
  std::size_t first;  ///< index of its first character; a backslash before it belongs to it
  std::size_t last;   ///< index of its last character
  Flank flank = Flank::kEither;
  bool isolated = false;  ///< white space on both sides
  Doubt doubt = Doubt::kNone;
};

/// The marks of a text that may quote something, in order. Apostrophes, units and marks inside
/// words are left out. Linear in the length of the text.
std::vector<QuoteMark> quote_marks(const std::vector<CodePoint>& text);

}  // namespace glm_image::text
