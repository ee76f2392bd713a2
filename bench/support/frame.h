#pragma once

#include "glm_image/image.h"

/// The chequered frame of bench/bench_fine_tuning.
namespace glm_image::bench {

/// Paints the frame over the border of a picture.
void add_frame(Image& image);

/// Whether the picture has the frame: the correlation of its border's pixels with the frame's, over
/// all channels, is at least 0.6.
bool has_frame(const Image& image);

}  // namespace glm_image::bench
