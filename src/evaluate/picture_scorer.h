#pragma once

#include "evaluate/letter_comparison.h"
#include "evaluate/pictogram_matcher.h"
#include "evaluate/text_reader.h"
#include "posters/suite.h"

namespace glm_image::evaluate {

/// What a judgement is about.
enum class Measure {
  kWordRead,      ///< a word that Tesseract can read
  kWordCompared,  ///< a word with other letters
  kPictogram,
  kBackgroundColour,  ///< each end of a gradient
  kTextColour,
  kTextPlace,
  kPictogramPlace,
};
inline constexpr int kMeasureCount = 7;
/// "words read", …
const char* measure_name(Measure measure);

/// One thing that a prompt asks for, and whether the picture has it.
struct Judgement {
  Measure measure;
  std::string wanted;
  std::string found;  ///< empty when nothing was
  bool is_right = false;
};

struct PromptScore {
  std::vector<Judgement> judgements;
  /// Of every word of the texts, in order, with the most similar word that was read, or with the
  /// nearest one of those that it was compared with (word_score.h).
  std::vector<double> similarities;
};

/// Scores pictures against what their prompts say and the scenes behind them. Texts and pictograms
/// are always judged, colours and places where the prompt names them; styles are not. Where the
/// picture has them is found in the picture, wherever that is. For one thread at a time.
class PictureScorer {
 public:
  /// Throws kNotFound when Tesseract's language data are not installed.
  explicit PictureScorer(const posters::PosterSource& source);

  /// Throws kInvalidInput for a picture of another size than the prompt's.
  PromptScore score(const posters::SuitePrompt& prompt, const Image& image);

 private:
  posters::PosterSource source_;
  TextReader reader_;
  LetterComparison comparison_;
  PictogramMatcher pictograms_;
};

}  // namespace glm_image::evaluate
