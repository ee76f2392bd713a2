#pragma once

#include <string>
#include <string_view>

#include "image/image_limits.h"

namespace glm_image::image {

/// See decode_image.
Image decode_jpeg(std::string_view bytes, const std::string& name, const ImageLimits& limits);

/// Quality 1 … 100. From 90 on, colours keep the full resolution: at half of it, red letters blur.
/// Throws kInvalidInput for a side over the format's 65500 pixels.
std::string encode_jpeg(const Image& image, int quality);

}  // namespace glm_image::image
