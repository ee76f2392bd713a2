#include "nn/cpu_kernels.h"

#include <algorithm>

#include "core/cpu_level.h"
#include "kernels/highway_targets.h"

namespace glm_image::nn {

namespace {

bool kernels_know(std::initializer_list<const Tensor*> tensors) {
  if constexpr (!kHaveKernels) return false;
  const auto type = (*tensors.begin())->scalar_type();
  if (type != at::kFloat && type != at::kBFloat16) return false;
  return std::all_of(tensors.begin(), tensors.end(), [&](const Tensor* tensor) {
    return tensor->device().is_cpu() && tensor->layout() == at::kStrided &&
           tensor->scalar_type() == type && tensor->numel() != 0;
  });
}

bool gradient_asked(std::initializer_list<const Tensor*> tensors) {
  return at::GradMode::is_enabled() &&
         std::any_of(tensors.begin(), tensors.end(), [](const Tensor* tensor) {
           return tensor->requires_grad();
         });
}

}  // namespace

bool kernels_apply(std::initializer_list<const Tensor*> tensors) {
  return kernels_know(tensors) && !gradient_asked(tensors);
}

bool gradient_kernels_apply(std::initializer_list<const Tensor*> tensors) {
  return kernels_know(tensors) && gradient_asked(tensors);
}

void follow_cpu_level() {
  const bool limited = cpu_level() != cpu_levels().front();
  if constexpr (kHaveKernels) {
    if (limited) kernels::follow_cpu_level();
  }
}

kernels::Element element_of(const Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat ? kernels::Element::kFloat32
                                            : kernels::Element::kBfloat16;
}

}  // namespace glm_image::nn
