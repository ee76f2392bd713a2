#pragma once

#include <cstddef>
#include <vector>

#include "text/quote_marks.h"
#include "text/unicode.h"

/// Single marks that shorten a word instead of quoting one.
namespace glm_image::text {

/// The word that begins at `begin` is one that is written with an apostrophe in front: 'til, 'em,
/// Dutch 's, '90s.
bool begins_elided(const std::vector<CodePoint>& text, std::size_t begin);

/// The doubt about a closing mark at [first, last]. There is some after a word that may be
/// shortened and before another word: the boys' club, rockin' Rio, רח' הרצל. There is some after a
/// digit, which may be feet or minutes. There is much after words such as N' and Italian po'.
Doubt closing_doubt(const std::vector<CodePoint>& text, std::size_t first, std::size_t last);

/// Two marks around n stand for "and": rock 'n' roll, but not in: the letter 'n' in red.
/// `first` is the index of the mark before the n, `last` that of the mark after it.
bool is_and_between_words(const std::vector<CodePoint>& text, std::size_t first, std::size_t last);

}  // namespace glm_image::text
