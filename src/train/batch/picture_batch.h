#pragma once

#include "core/torch.h"
#include "glm_image/image.h"

namespace glm_image::train {

/// Converts images of equal size to [B, 3, H, W] float32 in [−1, 1].
Tensor picture_batch(const std::vector<Image>& images);

/// Converts [3, H, W] in [−1, 1] to an image.
Image picture_of(const Tensor& values);

}  // namespace glm_image::train
