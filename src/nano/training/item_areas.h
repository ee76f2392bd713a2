#pragma once

#include <optional>
#include <vector>

#include "nano/posters/renderer.h"
#include "text/grid.h"

namespace glm_image::nano {

/// The area of an item in pixels. A pictogram has its bounding box. A line of text has its advance
/// width and a fixed ascent and descent, not its ink box. The ink depends on the letters' shapes,
/// and a model could then not predict the layout from the prompt alone.
struct ItemArea {
  posters::BoxKind kind;
  std::size_t index;             ///< into the scene's texts or pictograms
  const posters::LineBox* line;  ///< null for a pictogram
  double x, y, width, height;
};
/// The result refers to the layout.
std::vector<ItemArea> item_areas(const posters::Layout& layout);

/// The area that covers most of each token, if it covers more than a quarter; nothing for
/// background. The result refers to the layout.
std::vector<std::optional<ItemArea>> areas_of_tokens(const posters::Layout& layout,
                                                     const text::Grid& grid);

}  // namespace glm_image::nano
