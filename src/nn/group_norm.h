#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// silu(group_norm(x)): mean and variance over the cells of a picture and the channels of a group,
/// then ·weight + bias per channel. x [B, C, H, W]; weight, bias [C].
///
/// On the CPU, for channels-last x, a fused form of it and of its gradient runs: LibTorch 1.13's
/// own gradient copies x into another layout and back, which takes longer than the convolutions
/// around it.
Tensor group_norm_silu(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps);

/// A group norm as one multiplication and addition per channel: group_norm(x) = scale·x + shift,
/// float32 [B, C] each. x lies channels last on the CPU, in a build with the kernels.
struct GroupNormScales {
  Tensor scale, shift;
};
GroupNormScales group_norm_scales(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps);

namespace plain {
/// LibTorch's group norm, for x of any device and memory format.
Tensor group_norm(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps);
Tensor group_norm_silu(
    const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps);
}  // namespace plain

}  // namespace glm_image::nn
