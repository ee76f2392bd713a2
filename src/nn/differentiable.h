#pragma once

#include "nn/functional.h"

/// The functions of nn/functional.h with fused CPU kernels in both directions, for training.
///
/// Each is a torch::autograd::Function. Forward is the kernel that inference uses; backward is a
/// separate kernel that sums in float32 and rounds once to the tensors' type. Only the inputs are
/// saved for backward; recomputing statistics (means, softmax) costs less than reading them. Sums
/// over tokens are split into runs of a fixed length, so that gradients are bitwise independent of
/// the number of threads. Second derivatives throw kUnsupported.
///
/// Preconditions: `gradient_kernels_apply` and the checks in nn/functional.cpp.
namespace glm_image::nn::differentiable {

Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps);
Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate);
Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps);
Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin);
Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps);
Tensor gelu_tanh(const Tensor& x);
Tensor silu_gate(const Tensor& x);

/// For bfloat16 on a CPU with bfloat16 dot products. Forward and the gradient of x use this
/// library's product, the gradient of the weight LibTorch's. (In float32, LibTorch's linear is
/// used.)
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// With a quantised weight, which has no gradient, and nor has the bias. The gradient of x is that
/// of the product with the weight's values: rounding x to 8 bits counts as the identity (a
/// straight-through estimator). The weight must live until the backward pass.
Tensor linear(const Tensor& x, const QuantisedMatrix& weight, const Tensor& bias);

/// For bfloat16 without bias, on a CPU with bfloat16 dot products. (In float32 or with a bias,
/// LibTorch's products and softmax are used.)
Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options);

}  // namespace glm_image::nn::differentiable
