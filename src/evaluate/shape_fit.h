#pragma once

#include "evaluate/text_lines.h"

namespace glm_image::evaluate {

/// Edges in an ink map, not at whole pixels.
struct FittedBox {
  double left, top, right, bottom;
};

struct ShapeFit {
  FittedBox box;
  /// Pearson's, of the ink in the box, and a rim around it where nothing may be, with the shape.
  double correlation = 0;
};

/// `box` brought to the shape's size, as it is.
double correlation_at(const InkMap& map, const FittedBox& box, const InkMap& shape);

/// From `start` on the edges are moved, one at a time, as long as the correlation rises. Then each
/// column may shift by up to two pixels, gradually: letters are drawn at whole pixels, and a model
/// spaces them less evenly than a font.
ShapeFit best_fit(const InkMap& map, const FittedBox& start, const InkMap& shape);

/// The shape as a picture shows it that is less sharp: Gaussian, `deviation` in pixels. Of the same
/// size: what would reach beyond it is cut off.
InkMap blurred(const InkMap& shape, double deviation);

}  // namespace glm_image::evaluate
