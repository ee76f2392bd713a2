#pragma once

// The one door to LibTorch, and what it has from 2.x on. The few other differences to 1.13 are
// settled where they are met: core/device.cpp, core/tensor_memory.cpp.

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

/// LibTorch 2.0 brought the public, fused scaled_dot_product_attention.
#define GLM_IMAGE_HAS_FUSED_ATTENTION (TORCH_VERSION_MAJOR >= 2)

namespace glm_image {

using torch::Tensor;

}  // namespace glm_image
