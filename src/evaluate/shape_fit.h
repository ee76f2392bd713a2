#pragma once

#include "reading/text_lines.h"

namespace glm_image::evaluate {

using reading::InkMap;

/// A box in an ink map with fractional edges.
struct FittedBox {
  double left, top, right, bottom;
};

struct ShapeFit {
  FittedBox box;
  /// Pearson correlation between the shape and the ink in the box, including a rim around the box
  /// that should be empty.
  double correlation = 0;
};

/// Returns the correlation of the shape with the ink in `box`, resampled to the shape's size.
double correlation_at(const InkMap& map, const FittedBox& box, const InkMap& shape);

/// Maximises the correlation. First moves the edges of `start`, one at a time, as long as the
/// correlation rises. Then shifts columns smoothly by up to two pixels, because letters are drawn
/// at whole pixels and a model spaces them less evenly than a font.
ShapeFit best_fit(const InkMap& map, const FittedBox& start, const InkMap& shape);

/// Applies a Gaussian blur with a standard deviation in pixels. The size is unchanged; ink beyond
/// the edges is cut off.
InkMap blurred(const InkMap& shape, double deviation);

}  // namespace glm_image::evaluate
