#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::reading {

/// Returns the words of a text in normalised form: lower case, NFC, split at white space, with
/// punctuation, as in CVTG-2K's scorer (TextCrafter, arXiv 2503.23461). In addition, curly
/// apostrophes and long dashes become plain ones, because pictures do not distinguish them.
std::vector<std::string> compared_words(std::string_view text);

/// Levenshtein distance in characters.
int64_t edit_distance(std::string_view a, std::string_view b);

/// Returns 1 − edit distance / length of the longer text, in characters; 1 for two empty texts. The
/// "NED" of CVTG-2K is its mean over all words, each compared with the most similar word read.
double similarity(std::string_view a, std::string_view b);

/// Whether Tesseract reads all letters of the word reliably. Its French and English data have no
/// African letters. Accents other than é and è are unreliable in words that it does not know: of
/// the suite's 47 words with such accents, it misread 28 in faultless pictures.
bool can_be_read(std::string_view word);

}  // namespace glm_image::reading
