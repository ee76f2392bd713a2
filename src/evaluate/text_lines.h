#pragma once

#include "evaluate/poster_picture.h"

namespace glm_image::evaluate {

/// A piece of a picture with its colours taken away: 0 is background, 1 is a letter's full colour.
struct InkMap {
  int64_t left = 0, top = 0;  ///< where it lies in the picture
  int64_t width = 0, height = 0;
  std::vector<float> ink;  ///< row by row

  /// 0 outside.
  float at(int64_t x, int64_t y) const {
    return x < 0 || y < 0 || x >= width || y >= height
               ? 0.0F
               : ink[static_cast<std::size_t>(y * width + x)];
  }
};

/// What may be a line of text: small parts of one colour side by side, with their accents and dots.
/// Parts of pictograms are now and then among them.
struct TextLine {
  PixelBox box;
  Rgb colour;  ///< of the strokes' core
  /// The line alone on its background, with a margin.
  InkMap ink;
  /// Where the letters are, from left to right; letters that touch are one.
  std::vector<PixelBox> letters;
};

/// From top to bottom. Ink that lies in one of the boxes `taken` is none of a text: pictograms that
/// were recognised.
std::vector<TextLine> find_text_lines(const PosterPicture& picture,
                                      const std::vector<PixelBox>& taken);

}  // namespace glm_image::evaluate
