#pragma once

#include "nano/posters/scene.h"
#include "reading/pixel_box.h"

namespace glm_image::evaluate {

using reading::PixelBox;

/// Whether the box's centre is in the third of the picture, across and down, that the place names.
/// The thirds are extended by 5 % of the side, because a wide text at the left of a poster may have
/// its centre beyond a third of the width.
bool is_at(posters::Place place, const PixelBox& box, int64_t width, int64_t height);

}  // namespace glm_image::evaluate
