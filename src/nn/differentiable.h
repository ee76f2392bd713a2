#pragma once

#include "nn/functional.h"

/// The functions of nn/functional.h with fused CPU kernels in both directions, for training.
///
/// Each is a torch::autograd::Function: forward is the kernel that inference uses, backward a
/// kernel of its own that sums in float32 and rounds to the tensors' type once. Only inputs are
/// kept between the two; statistics (means, softmax) are computed again, which costs less than
/// reading them. Sums over tokens are cut into runs of a fixed length, so that the gradients are
/// the same bits for any number of threads. A gradient of a gradient is refused (kUnsupported).
///
/// Called where `gradient_kernels_apply` and what nn/functional.cpp checks hold.
namespace glm_image::nn::differentiable {

Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps);
Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate);
Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps);
Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin);
Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps);
Tensor gelu_tanh(const Tensor& x);
Tensor silu_gate(const Tensor& x);

/// In bfloat16, on a CPU that multiplies pairs of it: our product forward and for the gradient of
/// x, LibTorch's for that of the weight. (In float32 LibTorch's linear differentiates.)
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// In bfloat16, on a CPU that multiplies pairs of it, without bias. (In float32, or with a bias,
/// LibTorch's products and softmax differentiate.)
Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options);

}  // namespace glm_image::nn::differentiable
