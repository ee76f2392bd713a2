#pragma once

#include "image/rgb.h"

namespace glm_image::reading {

using image::Rgb;

/// CIE L*a*b* under D65.
struct Lab {
  double lightness;  ///< 0 to 100
  double a, b;
};

/// Converts an sRGB colour (IEC 61966-2-1).
Lab lab_of(const Rgb& rgb);

/// Returns the CIEDE2000 difference with all weights 1; about 1 is the smallest visible difference.
/// After Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", 2005, including its test
/// data.
double colour_difference(const Lab& first, const Lab& second);

}  // namespace glm_image::reading
