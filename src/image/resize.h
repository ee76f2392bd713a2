#pragma once

#include "glm_image/image.h"

namespace glm_image::image {

/// Resampling of 8-bit pictures, to the very byte as Pillow's Image.resize with BICUBIC (a = −0.5)
/// or LANCZOS (support 3).
///
/// Each output pixel is a weighted mean of the input pixels around its centre. When shrinking, the
/// filter is stretched by the ratio, which keeps fine patterns from turning into false ones.
/// Weights are rounded to 22 binary digits, and the horizontal pass to 8 bits before the vertical
/// one. A side that keeps its length keeps its pixels: the weights then are 1 and zeros.
///
/// The reference's `ar.pixel_values` are reproduced exactly by this. (They are by torchvision's
/// 8-bit form with 16-bit weights as well, since the weights at ratio 2 are short binary fractions,
/// but not by its float32 form, which does not round in between.)
///
/// Throw kInvalidInput unless the picture is whole and the wanted size within ImageLimits.
Image resize_bicubic(const Image& image, int64_t width, int64_t height);
Image resize_lanczos(const Image& image, int64_t width, int64_t height);

}  // namespace glm_image::image
