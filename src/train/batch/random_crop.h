#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// Crops each example of x [B, ..., H, W] to the rows top·scale … (top + rows)·scale − 1. tops [B]
/// int64 are in token rows; `scale` is the number of rows of x per token row. Crops have the full
/// width.
Tensor crop_rows(const Tensor& x, const Tensor& tops, int64_t rows, int64_t scale);

}  // namespace glm_image::train
