#include "cluster/gathered_tensor.h"

#include "core/round_up.h"

namespace glm_image::cluster {
namespace {

/// As all_gather, but returns at once; the result is a function that waits. The tensors are on the
/// CPU.
std::function<std::vector<Tensor>()> begin_all_gather(ProcessGroup& group, const Tensor& tensor) {
  const auto on_cpu = tensor.to(at::kCPU).contiguous();
  return [like = on_cpu, wait = group.begin_all_gather(on_cpu.flatten().view(at::kByte))] {
    auto all = wait();
    for (auto& one : all) one = one.view(like.scalar_type()).view(like.sizes());
    return all;
  };
}

}  // namespace

std::vector<Tensor> all_gather(ProcessGroup& group, const Tensor& tensor) {
  auto all = begin_all_gather(group, tensor)();
  for (auto& one : all) one = one.to(tensor.device());
  return all;
}

Tensor gather_along(ProcessGroup& group, const Tensor& own, int64_t dimension, int64_t total) {
  return begin_gather_along(group, own, dimension, total)();
}

std::function<Tensor()> begin_gather_along(ProcessGroup& group,
                                           const Tensor& own,
                                           int64_t dimension,
                                           int64_t total) {
  // Gloo gathers tensors of one shape.
  auto sizes = own.sizes().vec();
  const int64_t count = own.size(dimension);
  sizes[static_cast<size_t>(dimension)] = divide_up(total, group.size());
  auto padded = at::zeros(sizes, own.options().device(at::kCPU));
  padded.narrow(dimension, 0, count).copy_(own);
  return [ranks = group.size(),
          device = own.device(),
          dimension,
          total,
          wait = begin_all_gather(group, padded)] {
    auto all = wait();
    for (int64_t rank = 0; rank < ranks; ++rank) {
      const int64_t first = total * rank / ranks, end = total * (rank + 1) / ranks;
      auto& tensor = all[static_cast<size_t>(rank)];
      tensor = tensor.narrow(dimension, 0, end - first);
    }
    return at::cat(all, dimension).to(device);
  };
}

}  // namespace glm_image::cluster
