#pragma once

#include <string>
#include <string_view>

#include "glm_image/request.h"
#include "image/image_limits.h"
#include "image/metadata_blocks.h"

namespace glm_image::image {

/// See decode_image.
Image decode_jpeg(std::string_view bytes, const std::string& name, const ImageLimits& limits);

/// See header_size in codec.h.
PictureSize jpeg_header_size(std::string_view bytes, const std::string& name);

/// Quality 1 … 100. From 90 on, chroma is not subsampled, because subsampling blurs red letters.
/// An Exif block that is too large for one segment continues in the next, as Pillow and exiftool
/// read it. Throws kInvalidInput for a side over the format's 65500 pixels, or an XMP packet too
/// large for a segment.
std::string encode_jpeg(const Image& image, int quality, const MetadataBlocks& blocks = {});

/// Concatenates several Exif segments; of several XMP segments the last is used.
MetadataBlocks read_jpeg_metadata(std::string_view bytes, const std::string& name);

}  // namespace glm_image::image
