#pragma once

#include "reading/ink_picture.h"

namespace glm_image::evaluate {

using reading::InkPicture;
using reading::PixelBox;

/// A region of ink whose gaps are smaller than those between a poster's items.
struct ItemRegion {
  PixelBox box;
  /// For each pixel of the picture, whether it belongs to another item.
  std::vector<uint8_t> is_foreign;
};

/// Returns the regions that are large enough for a pictogram.
std::vector<ItemRegion> find_item_regions(const InkPicture& picture);

}  // namespace glm_image::evaluate
