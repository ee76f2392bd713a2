#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "glm_image/image.h"

namespace glm_image::image {

/// The name of an Exif block in a JPEG segment.
inline constexpr std::string_view kExifName("Exif\0\0", 6);

/// Where a picture file can say how the camera was held. Empty where the file does not have it.
struct OrientationNotes {
  std::string exif;  ///< an Exif block
  std::string xmp;   ///< an XMP packet
};

/// The Orientation tag (0x0112) of an Exif block, which is a TIFF file in small: 1 to 8, and 1 for
/// any other value. Nothing when the block has no such tag or is damaged before it. (A damaged note
/// is no reason to refuse the picture.) Any numeric type counts, as in Pillow.
std::optional<int> exif_orientation(std::string_view block);

/// The orientation that Pillow's ImageOps.exif_transpose finds: the Exif block's, or else that of
/// the XMP packet, or else 1.
int orientation_of(const OrientationNotes& notes);

/// The picture as it is meant to be seen. As Pillow's ImageOps.exif_transpose, which the reference
/// applies to the pictures that it loads.
Image apply_orientation(Image image, int orientation);

}  // namespace glm_image::image
