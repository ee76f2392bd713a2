#include "image/contact_sheet.h"

#include <algorithm>

namespace glm_image::image {

Image contact_sheet(const std::vector<std::vector<Image>>& rows) {
  constexpr int64_t kGap = 4;
  constexpr uint8_t kGrey = 128;
  Image sheet{0, kGap, {}};
  for (const auto& row : rows) {
    int64_t width = kGap, height = 0;
    for (const auto& image : row) {
      width += image.width + kGap;
      height = std::max(height, image.height);
    }
    sheet.width = std::max(sheet.width, width);
    sheet.height += height + kGap;
  }
  sheet.pixels.assign(static_cast<size_t>(3 * sheet.width * sheet.height), kGrey);
  int64_t top = kGap;
  for (const auto& row : rows) {
    int64_t left = kGap, height = 0;
    for (const auto& image : row) {
      for (int64_t y = 0; y < image.height; ++y) {
        std::copy_n(image.pixels.begin() + 3 * y * image.width,
                    3 * image.width,
                    sheet.pixels.begin() + 3 * ((top + y) * sheet.width + left));
      }
      left += image.width + kGap;
      height = std::max(height, image.height);
    }
    top += height + kGap;
  }
  return sheet;
}

}  // namespace glm_image::image
