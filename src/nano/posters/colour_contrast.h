#pragma once

#include "nano/posters/scene.h"

namespace glm_image::posters {

/// The colour of a background at a height from 0 (upper edge) to 1 (lower edge).
std::array<uint8_t, 3> background_at(const Background& background, double height);

/// Contrast ratio of two sRGB colours, from 1 to 21 (WCAG 2.1, "contrast ratio").
double contrast_ratio(const std::array<uint8_t, 3>& a, const std::array<uint8_t, 3>& b);

/// The smallest contrast ratio of a colour along a background.
double contrast_on(const Colour& colour, const Background& background);

}  // namespace glm_image::posters
