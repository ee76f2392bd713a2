#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "glm_image/image_file.h"

namespace glm_image::image {

/// Limits that are checked before memory for a picture's pixels is allocated.
struct ImageLimits {
  int64_t max_side = kMaxImageSide;
  int64_t max_pixels = kMaxImagePixels;
  int64_t max_file_bytes = int64_t{256} << 20;
  /// Pixels of pictures before this one that share its `max_pixels`, already taken from it.
  int64_t shared_pixels = 0;
};

/// Problems with a picture that was read nevertheless: one sentence each, which names the picture.
using Warnings = std::vector<std::string>;

/// Adds the warning "NAME: is an animated FORMAT file (frames: N); only its USED is used".
void warn_of_animation(Warnings* warnings,
                       const std::string& name,
                       const char* format,
                       int64_t frames,
                       const char* used);

/// Returns a black picture of this size. Throws kCorruptFile for a side of 0 and kInvalidInput for
/// a size over the limits, naming the picture `name` and, where there is one, a size that is
/// allowed.
Image make_image(const std::string& name,
                 int64_t width,
                 int64_t height,
                 const ImageLimits& limits = {});

/// Throws kInvalidInput unless both sides are positive and `pixels` has width·height·3 bytes.
void check_image(const Image& image);

}  // namespace glm_image::image
