#pragma once

#include <cstddef>
#include <vector>

#include "text/quote_marks.h"
#include "text/unicode.h"

/// Single quotation marks that are apostrophes.
namespace glm_image::text {

/// Whether the word at `begin` is usually written with an apostrophe before it: 'til, 'em, Dutch
/// 's, '90s.
bool begins_elided(const std::vector<CodePoint>& text, std::size_t begin);

/// Returns the doubt that a mark at [first, last] closes a quotation. kSome: after a word that may
/// be shortened and before another word (the boys' club, rockin' Rio, רח' הרצל), and after a digit,
/// where the mark may mean feet or minutes. kMuch: after words such as N' and Italian po'.
Doubt closing_doubt(const std::vector<CodePoint>& text, std::size_t first, std::size_t last);

/// Whether two marks around an n mean "and", as in: rock 'n' roll, but not in: the letter 'n' in
/// red. `first` is the index of the mark before the n, `last` that of the mark after it.
bool is_and_between_words(const std::vector<CodePoint>& text, std::size_t first, std::size_t last);

}  // namespace glm_image::text
