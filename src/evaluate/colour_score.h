#pragma once

#include "evaluate/lab_colour.h"
#include "posters/palette.h"

namespace glm_image::evaluate {

/// The largest CIEDE2000 difference at which a colour is still the named one.
inline constexpr double kSameColour = 15;

/// The palette's nearest colour, when it is near enough; else an empty id.
std::string named_colour(const posters::Palette& palette, const Rgb& rgb);

}  // namespace glm_image::evaluate
