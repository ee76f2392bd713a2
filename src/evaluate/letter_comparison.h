#pragma once

#include <optional>

#include "evaluate/word_shape.h"

namespace glm_image::evaluate {

struct WordMatch {
  std::string nearest;     ///< the word asked for, or the rival that is more like the picture
  double correlation = 0;  ///< of the nearest with the picture, up to 1
  PixelBox box;            ///< in the picture
  std::size_t line = 0;    ///< the index of the line that it is in
};

/// Judges words by their looks: the piece of a line that is most like the word, in any of the
/// posters' fonts and at any size, is compared with the word and with its rivals in the same font,
/// as blurred as the picture is (shape_fit.h). For one thread at a time.
class LetterComparison {
 public:
  explicit LetterComparison(const posters::PosterSource& source) : shapes_(source) {}

  /// Nothing when no piece of the lines looks like the word. A rival wins when its correlation is
  /// higher by more than `lead`.
  std::optional<WordMatch> find(const std::string& word,
                                const std::vector<std::string>& rivals,
                                const std::vector<TextLine>& lines,
                                double lead) const;

 private:
  WordShapes shapes_;
};

}  // namespace glm_image::evaluate
