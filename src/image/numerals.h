#pragma once

#include <cstdint>

#include "glm_image/image.h"

namespace glm_image::image {

/// Writes `number` into the upper left corner of the picture, white on a black box of about a tenth
/// of the picture's shorter side, but at least 9 pixels high. A picture that is too small for it
/// stays as it is.
void write_number(Image& image, int64_t number);

}  // namespace glm_image::image
