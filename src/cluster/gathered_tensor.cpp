#include "cluster/gathered_tensor.h"

namespace glm_image::cluster {

std::vector<Tensor> all_gather(ProcessGroup& group, const Tensor& tensor) {
  const auto bytes = tensor.to(at::kCPU).contiguous().flatten().view(at::kByte);
  auto all = group.all_gather(bytes);
  for (auto& one : all) {
    one = one.view(tensor.scalar_type()).view(tensor.sizes()).to(tensor.device());
  }
  return all;
}

Tensor gather_along(ProcessGroup& group, const Tensor& own, int64_t dimension, int64_t total) {
  // Gloo gathers tensors of one shape.
  auto sizes = own.sizes().vec();
  const int64_t count = sizes[static_cast<size_t>(dimension)];
  sizes[static_cast<size_t>(dimension)] = (total + group.size() - 1) / group.size();
  auto padded = at::zeros(sizes, own.options().device(at::kCPU));
  padded.narrow(dimension, 0, count).copy_(own);
  auto all = all_gather(group, padded);
  for (int64_t rank = 0; rank < group.size(); ++rank) {
    const int64_t first = total * rank / group.size(), end = total * (rank + 1) / group.size();
    auto& tensor = all[static_cast<size_t>(rank)];
    tensor = tensor.narrow(dimension, 0, end - first);
  }
  return at::cat(all, dimension).to(own.device());
}

}  // namespace glm_image::cluster
