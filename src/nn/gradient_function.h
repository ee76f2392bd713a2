#pragma once

#include "core/error.h"
#include "core/torch.h"

/// What every torch::autograd::Function of ours begins its backward with.
namespace glm_image::nn {

/// Refuses a gradient of a gradient: the kernels' results carry no history, so that it would come
/// out as zero without a word.
inline void refuse_second_gradient() {
  if (at::GradMode::is_enabled()) {
    fail(ErrorCode::kUnsupported,
         "the fused CPU kernels give no gradient of a gradient; nn::plain does");
  }
}

}  // namespace glm_image::nn
