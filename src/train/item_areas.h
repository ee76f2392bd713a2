#pragma once

#include <optional>
#include <vector>

#include "posters/renderer.h"
#include "text/grid.h"

namespace glm_image::train {

/// What an item takes of a poster, in pixels: a pictogram its box; each line of a text the length
/// that the pen goes and the height of any line of its size, whatever its letters. Were it the ink,
/// a prompt would foretell what a token shows only to those who know the shape of every letter.
struct ItemArea {
  posters::BoxKind kind;
  std::size_t index;             ///< in the scene's texts or pictograms
  const posters::LineBox* line;  ///< of a text
  double x, y, width, height;
};
/// Refers to the layout.
std::vector<ItemArea> item_areas(const posters::Layout& layout);

/// For each token of the grid the area that covers most of it, and more than a quarter; nothing on
/// the ground. Refers to the layout.
std::vector<std::optional<ItemArea>> areas_of_tokens(const posters::Layout& layout,
                                                     const text::Grid& grid);

}  // namespace glm_image::train
