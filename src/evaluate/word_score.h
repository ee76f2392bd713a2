#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::evaluate {

/// The words of a text as they are compared: in lower case, NFC, split at white space; punctuation
/// stays, as CVTG-2K's scorer has it (TextCrafter, arXiv 2503.23461). Beyond it, curly apostrophes
/// and long dashes are made plain ones: a picture does not tell them apart.
std::vector<std::string> compared_words(std::string_view text);

/// Levenshtein's: how many characters to insert, delete or replace.
int64_t edit_distance(std::string_view a, std::string_view b);

/// 1 − edit distance / the length of the longer one, in characters; 1 for two empty ones. The
/// "NED" of CVTG-2K is its mean over all words, each with the read word that is most similar.
double similarity(std::string_view a, std::string_view b);

/// Whether Tesseract reads all letters of the word well. Its French and English data have none of
/// the African letters. Of the accents it has, those other than é and è come out wrong too often in
/// words it has never seen: of the suite's 47 words with them, faultlessly drawn, it misread 28.
bool can_be_read(std::string_view word);

}  // namespace glm_image::evaluate
