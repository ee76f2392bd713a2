#pragma once

#include <string>
#include <vector>

namespace glm_image::evaluate {

/// Returns the words that differ from `word` by one plausible error: a letter replaced by a similar
/// one, omitted, or doubled. Case is kept. Without duplicates and the word itself.
std::vector<std::string> words_one_letter_away(const std::string& word);

/// The subset of words_one_letter_away that Tesseract cannot read (can_be_read) and takes for
/// `word`.
std::vector<std::string> words_misread_as(const std::string& word);

}  // namespace glm_image::evaluate
