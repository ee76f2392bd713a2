#include "evaluate/item_regions.h"

#include "nano/posters/arrangement.h"

namespace glm_image::evaluate {
namespace {

using reading::label_parts;

/// Half of the largest gap within an item, in pixels. Two items at the posters' minimum distance
/// must stay separate.
int64_t reach_of(const InkPicture& picture) {
  return static_cast<int64_t>(0.4 * posters::kGap * static_cast<double>(picture.shorter_side()));
}

/// Dilates the ink by `reach` pixels across and down.
std::vector<uint8_t> thickened_ink(const InkPicture& picture, int64_t reach) {
  const int64_t width = picture.width(), height = picture.height();
  std::vector<uint8_t> across(static_cast<std::size_t>(width * height), 0);
  auto both = across;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      if (!picture.is_ink(x, y)) continue;
      const int64_t first = std::max<int64_t>(0, x - reach), last = std::min(width - 1, x + reach);
      std::fill_n(across.begin() + y * width + first, last - first + 1, uint8_t{1});
    }
  }
  for (int64_t y = 0; y < height; ++y) {
    const int64_t first = std::max<int64_t>(0, y - reach), last = std::min(height - 1, y + reach);
    for (int64_t x = 0; x < width; ++x) {
      if (across[static_cast<std::size_t>(y * width + x)] == 0) continue;
      for (int64_t v = first; v <= last; ++v) both[static_cast<std::size_t>(v * width + x)] = 1;
    }
  }
  return both;
}

}  // namespace

std::vector<ItemRegion> find_item_regions(const InkPicture& picture) {
  constexpr double kSmallest = 0.5 * posters::kPictogramSizes.front();
  const int64_t width = picture.width(), height = picture.height();
  const auto labels = label_parts(thickened_ink(picture, reach_of(picture)), width, height);
  std::vector<PixelBox> boxes(labels.boxes.size());
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      if (!picture.is_ink(x, y)) continue;
      auto& box = boxes[static_cast<std::size_t>(labels.of_pixel[y * width + x] - 1)];
      box = united(box, {x, y, x + 1, y + 1});
    }
  }
  std::vector<ItemRegion> regions;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (static_cast<double>(boxes[i].longer_side()) <
        kSmallest * static_cast<double>(picture.shorter_side())) {
      continue;
    }
    ItemRegion region{boxes[i], {}};
    region.is_foreign.reserve(labels.of_pixel.size());
    for (const auto label : labels.of_pixel) {
      region.is_foreign.push_back(label != 0 && label != static_cast<int32_t>(i + 1));
    }
    regions.push_back(std::move(region));
  }
  return regions;
}

}  // namespace glm_image::evaluate
