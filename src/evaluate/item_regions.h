#pragma once

#include "reading/poster_picture.h"

namespace glm_image::evaluate {

using reading::PixelBox;
using reading::PosterPicture;

/// A region of ink whose gaps are smaller than those between a poster's items.
struct ItemRegion {
  PixelBox box;
  /// For each pixel of the picture, whether it belongs to another item.
  std::vector<uint8_t> is_foreign;
};

/// Returns the regions that are large enough for a pictogram.
std::vector<ItemRegion> find_item_regions(const PosterPicture& picture);

}  // namespace glm_image::evaluate
