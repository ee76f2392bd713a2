#pragma once

// The common include for LibTorch. Differences between 1.13 and 2.x are handled here and where they
// occur: core/device.cpp, core/tensor_memory.cpp.

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

/// The public, fused scaled_dot_product_attention exists from LibTorch 2.0 on.
#define GLM_IMAGE_HAS_FUSED_ATTENTION (TORCH_VERSION_MAJOR >= 2)

namespace glm_image {

using torch::Tensor;

}  // namespace glm_image
