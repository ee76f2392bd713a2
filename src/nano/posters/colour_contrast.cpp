#include "nano/posters/colour_contrast.h"

#include <algorithm>
#include <cmath>

namespace glm_image::posters {
namespace {

double linear(uint8_t value) {
  const double share = value / 255.0;
  return share <= 0.03928 ? share / 12.92 : std::pow((share + 0.055) / 1.055, 2.4);
}

double luminance(const std::array<uint8_t, 3>& rgb) {
  return 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
}

}  // namespace

std::array<uint8_t, 3> background_at(const Background& background, double height) {
  if (!background.second) return background.first.rgb;
  std::array<uint8_t, 3> rgb{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double first = background.first.rgb[i];
    const double second = background.second->rgb[i];
    rgb[i] = static_cast<uint8_t>(std::lround(first + (second - first) * height));
  }
  return rgb;
}

double contrast_ratio(const std::array<uint8_t, 3>& a, const std::array<uint8_t, 3>& b) {
  const double first = luminance(a) + 0.05;
  const double second = luminance(b) + 0.05;
  return std::max(first, second) / std::min(first, second);
}

double contrast_on(const Colour& colour, const Background& background) {
  if (!background.second) return contrast_ratio(colour.rgb, background.first.rgb);
  // Sample the gradient. Contrast is not monotonic: halfway from red to green is darker than both.
  constexpr int kSteps = 8;
  double smallest = 21;
  for (int i = 0; i <= kSteps; ++i) {
    smallest = std::min(smallest,
                        contrast_ratio(colour.rgb, background_at(background, i / double{kSteps})));
  }
  return smallest;
}

}  // namespace glm_image::posters
