#pragma once

#include "kernels/convolution.h"
#include "nn/convolution.h"

namespace glm_image::nn {

/// The fused form of `convolution`, with one form of kernel: a bfloat16 weight on the CPU, no
/// gradient.
Tensor fused_convolution(const kernels::ConvolutionForm& form,
                         ConvolutionInput input,
                         const Tensor& weight,
                         const Tensor& bias,
                         const ConvolutionGeometry& geometry,
                         ConvolutionOutput output);

}  // namespace glm_image::nn
