#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace glm_image::image {

/// An sRGB colour with 8 bits a channel.
using Rgb = std::array<uint8_t, 3>;

/// Euclidean distance in sRGB, 0 to 441.
inline double colour_distance(const Rgb& a, const Rgb& b) {
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

}  // namespace glm_image::image
