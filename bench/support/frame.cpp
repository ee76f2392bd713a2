#include "support/frame.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace glm_image::bench {
namespace {

constexpr int64_t kWidth = 16;
constexpr double kLeastCorrelation = 0.6;

using Rgb = std::array<uint8_t, 3>;

/// Calls visit(offset of the pixel, colour of the frame) for each pixel of the border.
template <typename Visit>
void for_each_of_border(const Image& image, const Visit& visit) {
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const auto edge = std::min({x, y, image.width - 1 - x, image.height - 1 - y});
      if (edge >= kWidth) continue;
      const bool is_dark = (x / kWidth + y / kWidth) % 2 == 0;
      visit(static_cast<std::size_t>(3 * (y * image.width + x)),
            is_dark ? Rgb{130, 20, 60} : Rgb{250, 220, 90});
    }
  }
}

double frame_correlation(const Image& image) {
  double n = 0, sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
  for_each_of_border(image, [&](std::size_t offset, const Rgb& colour) {
    for (std::size_t channel = 0; channel < colour.size(); ++channel) {
      const double a = colour[channel], b = image.pixels[offset + channel];
      n += 1, sum_a += a, sum_b += b, aa += a * a, bb += b * b, ab += a * b;
    }
  });
  const double variance = (n * aa - sum_a * sum_a) * (n * bb - sum_b * sum_b);
  return variance <= 0 ? 0 : (n * ab - sum_a * sum_b) / std::sqrt(variance);
}

}  // namespace

void add_frame(Image& image) {
  for_each_of_border(image, [&](std::size_t offset, const Rgb& colour) {
    for (std::size_t channel = 0; channel < colour.size(); ++channel) {
      image.pixels[offset + channel] = colour[channel];
    }
  });
}

bool has_frame(const Image& image) {
  return frame_correlation(image) >= kLeastCorrelation;
}

}  // namespace glm_image::bench
