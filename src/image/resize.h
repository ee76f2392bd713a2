#pragma once

#include "glm_image/image.h"

namespace glm_image::image {

/// Resamples 8-bit pictures. The result is byte-identical to Pillow's Image.resize with BICUBIC
/// (a = −0.5) or LANCZOS (support 3).
///
/// Each output pixel is a weighted mean of the input pixels around its centre. When shrinking, the
/// filter is stretched by the ratio, which prevents aliasing. Weights are rounded to 22 binary
/// digits, and the result of the horizontal pass to 8 bits before the vertical pass. If a side
/// keeps its length, its weights are 1 and zeros, so its pixels do not change.
///
/// This reproduces the reference's `ar.pixel_values` exactly. So does torchvision's 8-bit form with
/// 16-bit weights, because the weights at ratio 2 are short binary fractions. Its float32 form does
/// not, because it does not round between the passes.
///
/// Both throw kInvalidInput unless check_image accepts the picture and the size is within
/// ImageLimits.
Image resize_bicubic(const Image& image, int64_t width, int64_t height);
Image resize_lanczos(const Image& image, int64_t width, int64_t height);

}  // namespace glm_image::image
