#pragma once

#include <cstdint>

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

/// A visual token of the generator covers 32×32 pixels of the picture.
inline constexpr int64_t kPixelsPerToken = 32;

/// The grid of a picture of height×width pixels. Throws kInvalidInput unless both are positive
/// multiples of kPixelsPerToken.
Grid target_grid(int64_t height, int64_t width);

/// The grid of the preview, about 16×16 tokens in the shape of the target: ⌊16·√r⌋ × ⌊16·√(1/r)⌋
/// for r = height/width, computed in double as the reference does, each at least 1.
Grid preview_grid(const Grid& target);

}  // namespace glm_image::text
