#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// The parameters of a 2D convolution, other than the picture's size, that decide which oneDNN
/// kernel runs.
struct ConvolutionKind {
  int64_t in, out, kernel, stride, padding;
  bool channels_last;
};

/// The gradients of a convolution that are `wanted`: of x, the weight and the bias.
std::tuple<Tensor, Tensor, Tensor> gradients_of_conv2d(const Tensor& dy,
                                                       const Tensor& x,
                                                       const Tensor& weight,
                                                       int64_t stride,
                                                       int64_t padding,
                                                       std::array<bool, 3> wanted);

/// Which results of LibTorch's bfloat16 convolution on this CPU agree with float32.
struct ConvolutionTrial {
  bool output = true, input_gradient = true, weight_gradient = true;
};

/// Tries every kind once per process, on a small wide picture; gradients only where
/// `with_gradients`. Thread-safe.
ConvolutionTrial try_bfloat16_convolution(const ConvolutionKind& kind, bool with_gradients);

}  // namespace glm_image::nn
