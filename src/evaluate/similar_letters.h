#pragma once

#include <string>
#include <vector>

namespace glm_image::evaluate {

/// The words that a picture could show in a word's stead with one letter wrong: each letter
/// replaced by each that looks like it, left out, or written twice. Capitals stay capitals. Without
/// the word itself, each once.
std::vector<std::string> words_one_letter_away(const std::string& word);

/// Those of them that Tesseract cannot read (can_be_read): it takes them for the word.
std::vector<std::string> words_misread_as(const std::string& word);

}  // namespace glm_image::evaluate
