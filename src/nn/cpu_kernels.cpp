#include "nn/cpu_kernels.h"

namespace glm_image::nn {

bool kernels_apply(std::initializer_list<const Tensor*> tensors) {
  if constexpr (!kHaveKernels) return false;
  const auto type = (*tensors.begin())->scalar_type();
  if (type != at::kFloat && type != at::kBFloat16) return false;
  for (const Tensor* tensor : tensors) {
    if (!tensor->device().is_cpu() || tensor->layout() != at::kStrided ||
        tensor->scalar_type() != type || tensor->numel() == 0 ||
        (at::GradMode::is_enabled() && tensor->requires_grad())) {
      return false;
    }
  }
  return true;
}

kernels::Element element_of(const Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat ? kernels::Element::kFloat32
                                            : kernels::Element::kBfloat16;
}

}  // namespace glm_image::nn
