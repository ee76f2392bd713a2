#pragma once

#include <algorithm>
#include <cstdint>

namespace glm_image::reading {

/// A box of whole pixels; right and bottom are exclusive. Empty by default.
struct PixelBox {
  int64_t left = 0, top = 0, right = 0, bottom = 0;

  int64_t width() const { return right - left; }
  int64_t height() const { return bottom - top; }
  int64_t longer_side() const { return std::max(width(), height()); }
  bool is_empty() const { return right <= left || bottom <= top; }
};

/// Returns the smallest box around both; empty boxes are ignored.
inline PixelBox united(const PixelBox& a, const PixelBox& b) {
  if (a.is_empty()) return b;
  if (b.is_empty()) return a;
  return {std::min(a.left, b.left),
          std::min(a.top, b.top),
          std::max(a.right, b.right),
          std::max(a.bottom, b.bottom)};
}

/// Enlarges a box by `margin` on each side, clipped to the picture.
inline PixelBox enlarged(const PixelBox& box, int64_t margin, int64_t width, int64_t height) {
  return {std::max<int64_t>(0, box.left - margin),
          std::max<int64_t>(0, box.top - margin),
          std::min(width, box.right + margin),
          std::min(height, box.bottom + margin)};
}

inline bool centre_is_inside(const PixelBox& box, const PixelBox& of) {
  const int64_t x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
  return x >= of.left && x < of.right && y >= of.top && y < of.bottom;
}

}  // namespace glm_image::reading
