#pragma once

#include <memory>

#include "core/torch.h"

namespace glm_image::nn {

/// A module without parameters of its own: a checkpoint's names have levels that compute nothing
/// ("attn.qkv.weight" where there is no module attn).
inline std::shared_ptr<torch::nn::Module> group() {
  return std::make_shared<torch::nn::Module>();
}

}  // namespace glm_image::nn
