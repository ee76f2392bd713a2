#pragma once

#include <optional>
#include <string_view>

#include "glm_image/image.h"
#include "image/metadata_blocks.h"

namespace glm_image::image {

/// Returns the Orientation tag (0x0112) of an Exif block, which has the format of a TIFF file: 1 to
/// 8, and 1 for any other value. Returns std::nullopt if the block has no such tag or is damaged
/// before it: damaged metadata is no reason to reject the picture. As in Pillow, any numeric type
/// is accepted.
std::optional<int> exif_orientation(std::string_view block);

/// Returns the orientation as Pillow's ImageOps.exif_transpose does: that of the Exif block, else
/// that of the XMP packet, else 1.
int orientation_of(const MetadataBlocks& blocks);

/// Turns or mirrors a picture upright, as Pillow's ImageOps.exif_transpose does, which the
/// reference applies to the pictures that it loads.
Image apply_orientation(Image image, int orientation);

}  // namespace glm_image::image
