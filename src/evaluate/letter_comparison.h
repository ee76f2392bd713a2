#pragma once

#include <optional>

#include "evaluate/word_shape.h"

namespace glm_image::evaluate {

struct WordMatch {
  std::string nearest;     ///< the requested word, or a rival that matches the picture better
  double correlation = 0;  ///< of the nearest word with the picture, up to 1
  PixelBox box;            ///< in the picture
  std::size_t line = 0;    ///< index of its line
};

/// Compares words by their shape. It finds the part of a line that is most similar to the word in
/// any of the posters' fonts and at any size. It then compares this part with the word and its
/// rivals in the same font, blurred like the picture (shape_fit.h). Not thread-safe.
class LetterComparison {
 public:
  explicit LetterComparison(const posters::PosterSource& source) : shapes_(source) {}

  /// Returns std::nullopt if no part of the lines is similar to the word. A rival is returned if
  /// its correlation is higher by more than `lead`.
  std::optional<WordMatch> find(const std::string& word,
                                const std::vector<std::string>& rivals,
                                const std::vector<TextLine>& lines,
                                double lead) const;

 private:
  WordShapes shapes_;
};

}  // namespace glm_image::evaluate
