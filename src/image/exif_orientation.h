#pragma once

#include <string_view>

#include "glm_image/image.h"

namespace glm_image::image {

/// The Orientation tag (0x0112) of an Exif block, which is a TIFF file in small: 1 … 8, and 1 when
/// there is none or the block is damaged. (A damaged note on how a camera was held is no reason to
/// refuse the picture.)
int exif_orientation(std::string_view tiff);

/// The picture as it is meant to be seen. As Pillow's ImageOps.exif_transpose, which the reference
/// applies to the pictures that it loads.
Image apply_orientation(Image image, int orientation);

}  // namespace glm_image::image
