#pragma once

#include "evaluate/letter_comparison.h"
#include "evaluate/pictogram_matcher.h"
#include "nano/posters/suite.h"
#include "reading/text_reader.h"

namespace glm_image::evaluate {

using reading::TextReader;

/// The kind of a judgement.
enum class Measure {
  kWordRead,      ///< a word that Tesseract can read
  kWordCompared,  ///< a word that has letters that Tesseract cannot read
  kPictogram,
  kBackgroundColour,  ///< each end of a gradient
  kTextColour,
  kTextPlace,
  kPictogramPlace,
};
inline constexpr int kMeasureCount = 7;
/// The measure's name in reports: "words read", …
const char* measure_name(Measure measure);

/// One requirement of a prompt, and whether the picture meets it.
struct Judgement {
  Measure measure;
  std::string item;  ///< of the scene: "poster" (its background), "texts[0]", "pictograms[1]"
  std::string wanted;
  std::string found;  ///< empty if nothing was found
  bool is_right = false;
};

struct PromptScore {
  std::vector<Judgement> judgements;
  /// For every word of the texts, in order: its similarity (word_score.h) to the most similar word
  /// read, or to the nearest word that it was compared with.
  std::vector<double> similarities;
};

/// Scores pictures against their prompts and scenes. Texts and pictograms are always judged,
/// colours and places if the prompt names them, styles never. Texts and pictograms are searched in
/// the whole picture. Not thread-safe.
class PictureScorer {
 public:
  /// Throws kNotFound if Tesseract's language data are not installed.
  explicit PictureScorer(const posters::PosterSource& source);

  /// Throws kInvalidInput if the picture's size differs from the prompt's.
  PromptScore score(const posters::SuitePrompt& prompt, const Image& image);

 private:
  posters::PosterSource source_;
  TextReader reader_;
  LetterComparison comparison_;
  PictogramMatcher pictograms_;
};

}  // namespace glm_image::evaluate
