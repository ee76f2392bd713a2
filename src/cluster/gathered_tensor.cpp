#include "cluster/gathered_tensor.h"

#include "core/round_up.h"

namespace glm_image::cluster {
namespace {

/// Tensors of bytes, as tensors like `like`.
std::vector<Tensor> with_type_of(const Tensor& like, std::vector<Tensor> all) {
  for (auto& one : all) one = one.view(like.scalar_type()).view(like.sizes());
  return all;
}

Tensor as_bytes(const Tensor& tensor) {
  return tensor.flatten().view(at::kByte);
}

/// A rank's share, filled up to the size of the largest, on the CPU: gathered tensors have one
/// shape.
Tensor padded_share(const Tensor& own, int64_t dimension, int64_t total, int64_t ranks) {
  auto sizes = own.sizes().vec();
  const int64_t count = own.size(dimension), largest = (total + ranks - 1) / ranks;
  if (count == largest) return own.to(at::kCPU).contiguous();
  sizes[static_cast<size_t>(dimension)] = largest;
  auto padded = at::zeros(sizes, own.options().device(at::kCPU));
  padded.narrow(dimension, 0, count).copy_(own);
  return padded;
}

Tensor joined_shares(std::vector<Tensor> all, int64_t dimension, int64_t total) {
  const auto ranks = static_cast<int64_t>(all.size());
  for (int64_t rank = 0; rank < ranks; ++rank) {
    const int64_t first = total * rank / ranks, end = total * (rank + 1) / ranks;
    auto& tensor = all[static_cast<size_t>(rank)];
    tensor = tensor.narrow(dimension, 0, end - first);
  }
  return at::cat(all, dimension);
}

}  // namespace

std::vector<Tensor> all_gather(ProcessGroup& group, const Tensor& tensor) {
  const auto own = tensor.to(at::kCPU).contiguous();
  auto all = with_type_of(own, group.all_gather(as_bytes(own)));
  for (auto& one : all) one = one.to(tensor.device());
  return all;
}

Tensor gather_along(ProcessGroup& group, const Tensor& own, int64_t dimension, int64_t total) {
  const auto padded = padded_share(own, dimension, total, group.size());
  return joined_shares(with_type_of(padded, group.all_gather(as_bytes(padded))), dimension, total)
      .to(own.device());
}

std::function<Tensor()> begin_gather_along(ProcessGroup& group,
                                           const Tensor& own,
                                           int64_t dimension,
                                           int64_t total) {
  const auto padded = padded_share(own, dimension, total, group.size());
  return [padded,
          device = own.device(),
          dimension,
          total,
          wait = group.begin_all_gather(as_bytes(padded))] {
    return joined_shares(with_type_of(padded, wait()), dimension, total).to(device);
  };
}

}  // namespace glm_image::cluster
