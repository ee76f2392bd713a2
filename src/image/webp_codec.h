#pragma once

#include <string>
#include <string_view>

#include "glm_image/request.h"
#include "image/image_limits.h"
#include "image/metadata_blocks.h"

namespace glm_image::image {

/// See decode_image.
Image decode_webp(std::string_view bytes,
                  const std::string& name,
                  const ImageLimits& limits,
                  Warnings* warnings = nullptr);

/// See header_size in codec.h.
PictureSize webp_header_size(std::string_view bytes, const std::string& name);

/// Quality 1 … 99, or 100 for lossless. Throws kInvalidInput for a side over the format's 16383
/// pixels.
std::string encode_webp(const Image& image, int quality, const MetadataBlocks& blocks = {});

MetadataBlocks read_webp_metadata(std::string_view bytes, const std::string& name);

}  // namespace glm_image::image
