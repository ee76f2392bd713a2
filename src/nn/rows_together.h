#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// The number of rows that `linear` multiplies while it reads a weight once, with the same bits for
/// each row as alone. 1 on devices and in builds that do not promise it.
int64_t rows_together(at::Device device);

}  // namespace glm_image::nn
