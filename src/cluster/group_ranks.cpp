#include "cluster/group_ranks.h"

namespace glm_image::cluster {

GroupRanks::Wait GroupRanks::begin_all_reduce(Tensor tensor) {
  return group_.begin_all_reduce(tensor);
}

void GroupRanks::broadcast(Tensor tensor) {
  if (tensor.numel() == 0) return;
  const at::NoGradGuard no_grad;
  // As bytes: Gloo of LibTorch 1.13 does not know bfloat16.
  const auto flat = tensor.detach().to(at::kCPU).contiguous().reshape({-1});
  group_.broadcast(flat.view(at::kByte), /*root=*/0);
  if (!flat.is_alias_of(tensor)) tensor.copy_(flat.view(tensor.sizes()));
}

}  // namespace glm_image::cluster
