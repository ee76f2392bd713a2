#include "nn/parameter.h"

namespace glm_image::nn {

Tensor unbound_parameter(at::IntArrayRef shape, const at::TensorOptions& options) {
  return at::zeros({1}, options).expand(shape).detach();
}

bool is_unbound(const Tensor& parameter) {
  if (!parameter.defined()) return true;
  for (int64_t dimension = 0; dimension < parameter.dim(); ++dimension) {
    if (parameter.size(dimension) > 1) return parameter.stride(dimension) == 0;
  }
  return false;  // a tensor of at most one element has its whole storage
}

void materialize(torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  for (auto& parameter : module.parameters()) {
    if (is_unbound(parameter))
      parameter.set_data(at::zeros_like(parameter, at::MemoryFormat::Contiguous));
  }
}

}  // namespace glm_image::nn
