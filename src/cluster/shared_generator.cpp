#include "cluster/shared_generator.h"

#include "cluster/gathered_tensor.h"

namespace glm_image::cluster {

bool SharedGenerator::sums_by_gathering(int64_t values, int64_t ranks) {
  // n ranks wait for one message when they gather, and send (n - 1) · 2 bytes a value in bfloat16.
  // Reducing, they wait for 2 · (n - 1), and send 8 · (n - 1) / n bytes a value. With 1 Gbit/s and
  // 0.5 ms, gathering takes less time up to 70 thousand values, however many ranks there are.
  constexpr int64_t kMostGathered = 16 * 4096;
  return ranks == 2 || values <= kMostGathered;
}

Tensor SharedGenerator::sum(const Tensor& partial) {
  if (!sums_by_gathering(partial.numel(), group_.size())) {
    // A copy even of float32: all_reduce overwrites it.
    auto total = partial.to(at::TensorOptions(at::kCPU).dtype(at::kFloat),
                            /*non_blocking=*/false,
                            /*copy=*/true);
    total = total.contiguous();
    group_.all_reduce(total);
    return total.to(partial.options());
  }
  const auto all = all_gather(group_, partial);
  auto total = all.front().to(at::kFloat);
  for (size_t rank = 1; rank < all.size(); ++rank) total = total + all[rank].to(at::kFloat);
  return total.to(partial.scalar_type());
}

Tensor SharedGenerator::gather(const Tensor& own, int64_t total) {
  return gather_along(group_, own, /*dimension=*/1, total);
}

void SharedGenerator::broadcast(Tensor& ids) {
  group_.broadcast(ids, /*root=*/0);
}

}  // namespace glm_image::cluster
