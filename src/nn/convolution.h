#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// at::conv2d: x [B, C_in, H, W], weight [C_out, C_in, k, k], bias [C_out].
///
/// oneDNN's bfloat16 convolutions are wrong for some sizes on some CPUs: 2.7 (LibTorch 1.13) the
/// gradient of the weight with tile instructions (AMX), 3.7 (LibTorch 2.6) the gradient of x for
/// odd C_out with AVX512_BF16. On the CPU each kind of convolution is therefore tried once per
/// process, and results that are wrong are computed in float32 (nn/convolution_trial.h).
Tensor conv2d(
    const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding);

}  // namespace glm_image::nn
