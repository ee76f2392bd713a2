#pragma once

#include <array>
#include <cstdint>

namespace glm_image::evaluate {

using Rgb = std::array<uint8_t, 3>;

/// CIE L*a*b* under D65.
struct Lab {
  double lightness;  ///< 0 to 100
  double a, b;
};

/// Of an sRGB colour (IEC 61966-2-1).
Lab lab_of(const Rgb& rgb);

/// CIEDE2000, with all weights 1: about 1 is the smallest difference that can be seen. After
/// Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005, whose test data it meets.
double colour_difference(const Lab& first, const Lab& second);

}  // namespace glm_image::evaluate
