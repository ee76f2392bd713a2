#pragma once

#include <cstdint>
#include <vector>

namespace glm_image {

/// A picture in memory: 8-bit RGB, row by row, three bytes a pixel.
struct Image {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> pixels;
};

}  // namespace glm_image
