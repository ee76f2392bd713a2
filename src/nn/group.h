#pragma once

#include <memory>

#include "core/torch.h"

namespace glm_image::nn {

/// Returns a module without parameters, for levels of a checkpoint's names that compute nothing
/// ("attn.qkv.weight" without a module attn).
inline std::shared_ptr<torch::nn::Module> group() {
  return std::make_shared<torch::nn::Module>();
}

}  // namespace glm_image::nn
