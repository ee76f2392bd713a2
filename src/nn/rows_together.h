#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// Number of rows for which `linear` reads a weight once and gives each row the same bits as alone.
/// 1 on devices and in builds that do not guarantee this.
int64_t rows_together(at::Device device);

}  // namespace glm_image::nn
