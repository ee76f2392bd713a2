#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "glm_image/image.h"

namespace glm_image::image {

/// What a picture may be before a single pixel of it is held in memory.
struct ImageLimits {
  int64_t max_side = 16384;
  int64_t max_pixels = int64_t{64} << 20;
  int64_t max_file_bytes = int64_t{256} << 20;
};

/// What a caller should know about a picture that was read all the same: one sentence each, which
/// names the picture.
using Warnings = std::vector<std::string>;

/// Warns that a picture moves: "NAME: is an animated FORMAT file (frames: N); only its USED is
/// used".
void warn_of_animation(Warnings* warnings,
                       const std::string& name,
                       const char* format,
                       int64_t frames,
                       const char* used);

/// A black picture of this size. Throws kCorruptFile for a side of 0 and kInvalidInput for a size
/// over the limits, naming the picture `name`.
Image make_image(const std::string& name,
                 int64_t width,
                 int64_t height,
                 const ImageLimits& limits = {});

/// Throws kInvalidInput unless both sides are positive and `pixels` holds just what they say.
void check_image(const Image& image);

}  // namespace glm_image::image
