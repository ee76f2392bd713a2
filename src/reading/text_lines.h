#pragma once

#include "reading/ink_picture.h"

namespace glm_image::reading {

/// A part of a picture as ink coverage: 0 is background, 1 is a letter's full colour.
struct InkMap {
  int64_t left = 0, top = 0;  ///< position in the picture
  int64_t width = 0, height = 0;
  std::vector<float> ink;  ///< row-major

  /// Returns 0 outside the map.
  float at(int64_t x, int64_t y) const {
    return x < 0 || y < 0 || x >= width || y >= height
               ? 0.0F
               : ink[static_cast<std::size_t>(y * width + x)];
  }
};

/// A candidate for a line of text: small parts of one colour side by side, with their accents and
/// dots. Some candidates are parts of pictograms.
struct TextLine {
  PixelBox box;
  Rgb colour;  ///< of the centre of the strokes
  /// The line alone on its background, with a margin.
  InkMap ink;
  /// Boxes of the letters, from left to right; touching letters share a box.
  std::vector<PixelBox> letters;
};

/// Returns the lines from top to bottom. Ignores ink in the boxes `taken`, those of recognised
/// pictograms.
std::vector<TextLine> find_text_lines(const InkPicture& picture,
                                      const std::vector<PixelBox>& taken);

}  // namespace glm_image::reading
