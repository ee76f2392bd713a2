#pragma once

#include <filesystem>

#include "core/random_stream.h"
#include "nano/posters/split.h"

namespace glm_image::posters {

/// The words of a language and the syllables of its pseudo-words.
struct WordList {
  std::string language;
  double weight = 1;
  std::vector<std::string> letters;  ///< of the alphabet, lower case
  std::vector<std::string> onsets, nuclei,
      codas;                         ///< parts of syllables, repeated in proportion to their weight
  std::vector<std::string> endings;  ///< word endings, likewise repeated
  std::vector<std::string> words;    ///< real words
  std::vector<std::string> phrases;  ///< of two or more words
};

/// Generates the texts of posters: real words, pseudo-words, random letters, numbers and phrases.
/// The model thus learns to spell instead of memorising a vocabulary.
class WordSource {
 public:
  /// Throws kNotFound if the folder `words` has no file, kCorruptFile for bad data.
  static WordSource load(const std::filesystem::path& data_folder);

  struct Text {
    std::string text;
    std::string language;  ///< of its words or letters; empty for a number
  };
  /// A text of 1 to `max_words` words. All its letters are in letters().
  Text text(RandomStream& random, Split split, int max_words) const;

  /// All characters that texts may contain, except the space.
  const std::vector<char32_t>& letters() const { return letters_; }

 private:
  Text attempt(RandomStream& random, int max_words) const;
  std::string word(RandomStream& random, const WordList& list) const;
  std::string pseudo_word(RandomStream& random, const WordList& list) const;
  std::string random_letters(RandomStream& random, const WordList& list) const;
  std::string number(RandomStream& random) const;

  std::vector<WordList> lists_;
  std::vector<double> list_weights_;
  std::vector<std::string> number_patterns_;
  std::vector<char32_t> letters_;
};

}  // namespace glm_image::posters
