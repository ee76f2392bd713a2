#pragma once

// The one door to LibTorch. What differs between 1.13 and 2.x is settled here and nowhere else.

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/generated/variable_factories.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>
#include <torch/version.h>

namespace glm_image {

using torch::Tensor;

/// LibTorch 2.0 brought the public, fused scaled_dot_product_attention.
inline constexpr bool kHasFusedAttention = TORCH_VERSION_MAJOR >= 2;

}  // namespace glm_image
