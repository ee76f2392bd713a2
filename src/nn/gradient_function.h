#pragma once

#include "core/error.h"
#include "core/torch.h"
#include "nn/cpu_kernels.h"

/// Helpers for this library's torch::autograd::Functions.
namespace glm_image::nn {

/// Throws kUnsupported for a second derivative. The kernels' results have no autograd history, so
/// it would silently be zero. Call at the beginning of backward.
inline void refuse_second_gradient() {
  if (at::GradMode::is_enabled()) {
    fail(ErrorCode::kUnsupported,
         "the fused CPU kernels give no gradient of a gradient; nn::plain does");
  }
}

/// Applies a Function. A build without the kernels also compiles the calls, but must not link them.
template <typename Operation, typename... Arguments>
Tensor apply_function(const Arguments&... arguments) {
  if constexpr (kHaveKernels) {
    return Operation::apply(arguments...);
  } else {
    fail(ErrorCode::kInternal, "a fused gradient in a build without kernels");
  }
}

}  // namespace glm_image::nn
