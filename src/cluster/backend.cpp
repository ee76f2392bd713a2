#include "cluster/backend.h"

namespace glm_image::cluster {

Backend backend_of(c10::DeviceType /*device*/) {
  return {"gloo", c10::DeviceType::CPU};
}

Tensor carried(const Tensor& tensor) {
  const auto memory = backend_of(tensor.device().type()).memory;
  if (tensor.device().type() == memory) return tensor.contiguous();
  return tensor.detach().to(at::Device(memory)).contiguous();
}

void take_back(const Tensor& carried, const Tensor& tensor) {
  if (carried.is_same(tensor)) return;
  const at::NoGradGuard no_grad;
  tensor.copy_(carried);
}

}  // namespace glm_image::cluster
