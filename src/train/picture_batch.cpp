#include "train/picture_batch.h"

#include <algorithm>

namespace glm_image::train {

Tensor picture_batch(const std::vector<Image>& images) {
  std::vector<Tensor> pictures;
  for (const auto& image : images) {
    pictures.push_back(at::from_blob(const_cast<uint8_t*>(image.pixels.data()),
                                     {image.height, image.width, 3},
                                     at::kByte)
                           .permute({2, 0, 1})
                           .to(at::kFloat));
  }
  return at::stack(pictures).mul_(2.0 / 255).sub_(1);
}

Image picture_of(const Tensor& values) {
  const auto bytes = values.detach()
                         .to(at::kCPU)
                         .to(at::kFloat)
                         .add(1)
                         .mul(127.5)
                         .round()
                         .clamp(0, 255)
                         .to(at::kByte)
                         .permute({1, 2, 0})
                         .contiguous();
  Image image{bytes.size(1), bytes.size(0), {}};
  const auto* data = bytes.data_ptr<uint8_t>();
  image.pixels.assign(data, data + bytes.numel());
  return image;
}

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

}  // namespace glm_image::train
