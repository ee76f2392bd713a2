#pragma once

#include "evaluate/poster_picture.h"

namespace glm_image::evaluate {

/// What stands together on a picture: ink with gaps smaller than those between a poster's items.
struct ItemRegion {
  PixelBox box;
  /// Whether each pixel of the picture belongs to another item.
  std::vector<uint8_t> is_foreign;
};

/// Those that are large enough for a pictogram.
std::vector<ItemRegion> find_item_regions(const PosterPicture& picture);

}  // namespace glm_image::evaluate
