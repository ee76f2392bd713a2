#pragma once

#include "core/error.h"
#include "core/torch.h"
#include "nn/cpu_kernels.h"

/// What every torch::autograd::Function of ours is called with and begins its backward with.
namespace glm_image::nn {

/// Refuses a gradient of a gradient: the kernels' results carry no history, so that it would come
/// out as zero without a word.
inline void refuse_second_gradient() {
  if (at::GradMode::is_enabled()) {
    fail(ErrorCode::kUnsupported,
         "the fused CPU kernels give no gradient of a gradient; nn::plain does");
  }
}

/// A build without the kernels compiles its uses too, and must not ask the linker for them.
template <typename Operation, typename... Arguments>
Tensor apply_function(const Arguments&... arguments) {
  if constexpr (kHaveKernels) {
    return Operation::apply(arguments...);
  } else {
    fail(ErrorCode::kInternal, "a fused gradient in a build without kernels");
  }
}

}  // namespace glm_image::nn
