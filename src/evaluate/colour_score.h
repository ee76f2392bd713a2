#pragma once

#include "nano/posters/palette.h"
#include "reading/lab_colour.h"

namespace glm_image::evaluate {

using reading::Rgb;

/// The largest CIEDE2000 difference at which a colour counts as the named one.
inline constexpr double kSameColour = 15;

/// Returns the id of the palette's nearest colour if it is within kSameColour, else "".
std::string named_colour(const posters::Palette& palette, const Rgb& rgb);

}  // namespace glm_image::evaluate
