#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// at::conv2d: x [B, C_in, H, W], weight [C_out, C_in, k, k], bias [C_out].
///
/// On CPUs with tile instructions (AMX), oneDNN as of LibTorch 1.13 computes a wrong gradient of
/// the weight in bfloat16 for many sizes, among them every wide picture: rows of 256 cells and
/// more, fewer of them. Where it is finite it looks like any other. On such a CPU that gradient is
/// taken in float32.
Tensor conv2d(
    const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride, int64_t padding);

}  // namespace glm_image::nn
