#pragma once

#include "evaluate/pixel_box.h"
#include "posters/scene.h"

namespace glm_image::evaluate {

/// Whether the box's centre is in the third of the picture, across and down, that the place names.
/// The thirds reach 5 % of the side beyond their edges: a wide text at the left of a poster has its
/// centre beyond a third of the width.
bool is_at(posters::Place place, const PixelBox& box, int64_t width, int64_t height);

}  // namespace glm_image::evaluate
