#pragma once

#include <cstdint>

#include "glm_image/limits.h"

namespace glm_image::text {

/// Rows and columns of visual tokens.
struct Grid {
  int64_t height = 0;
  int64_t width = 0;

  int64_t size() const { return height * width; }
};

inline bool operator==(const Grid& a, const Grid& b) {
  return a.height == b.height && a.width == b.width;
}

/// Side of the square of pixels that one visual token of the generator covers.
inline constexpr int64_t kTokenSide = limits::kSizeStep;

/// Returns the grid of a picture of height×width pixels. Throws kInvalidInput unless both are
/// positive multiples of kTokenSide.
Grid target_grid(int64_t height, int64_t width);

/// Returns the grid of the preview, about 16×16 tokens with the target's aspect ratio:
/// ⌊16·√r⌋ × ⌊16·√(1/r)⌋ for r = height/width, computed in double like the reference, each at
/// least 1.
Grid preview_grid(const Grid& target);

}  // namespace glm_image::text
