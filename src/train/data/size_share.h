#pragma once

#include <cstdint>

namespace glm_image::train {

/// A picture size and its relative frequency.
struct SizeShare {
  int64_t width = 0;
  int64_t height = 0;
  double share = 1;
};

}  // namespace glm_image::train
