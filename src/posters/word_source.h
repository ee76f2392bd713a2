#pragma once

#include <filesystem>

#include "posters/random_stream.h"
#include "posters/split.h"

namespace glm_image::posters {

/// A language's words and a model of what its words look like.
struct WordList {
  std::string language;
  double weight = 1;
  std::vector<std::string> letters;                ///< its alphabet, lower case
  std::vector<std::string> onsets, nuclei, codas;  ///< of syllables, repeated by weight
  std::vector<std::string> endings;                ///< after the last syllable, repeated by weight
  std::vector<std::string> words;                  ///< real ones
  std::vector<std::string> phrases;                ///< of two words or more
};

/// What posters say: any word, so that the model learns to spell rather than to remember.
///
/// words/<language>.json: {language, weight, letters: "a b …", onsets, nuclei, codas, endings,
/// words, phrases}; numbers.json: {patterns: ["<digit> h <minute>", …]} with the marks
/// <digit>, <day>, <month>, <hour>, <minute>; see data/posters/README.md.
class WordSource {
 public:
  /// Throws kNotFound without a file in `words`, kCorruptFile for bad data.
  static WordSource load(const std::filesystem::path& data_folder);

  /// A text of one to `max_words` words. Its letters are among letters().
  std::string text(RandomStream& random, Split split, int max_words) const;

  /// Every character that a text may have, without the space.
  const std::vector<char32_t>& letters() const { return letters_; }

 private:
  std::string attempt(RandomStream& random, int max_words) const;
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
