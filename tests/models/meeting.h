#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "core/torch.h"

namespace glm_image::test {

/// Where ranks that are threads of one test exchange tensors.
class Meeting {
 public:
  explicit Meeting(int64_t ranks) : given_(static_cast<size_t>(ranks)) {}

  /// Adds the rank's next tensor, and returns the turn that it belongs to.
  size_t give(int64_t rank, const Tensor& tensor) {
    const std::lock_guard lock(mutex_);
    auto& own = given_.at(static_cast<size_t>(rank));
    own.push_back(tensor.clone());
    change_.notify_all();
    return own.size() - 1;
  }
  /// Waits until each rank has given its tensor of this turn, and returns all, in order.
  std::vector<Tensor> take(size_t turn) {
    std::unique_lock lock(mutex_);
    std::vector<Tensor> all;
    for (const auto& tensors : given_) {
      change_.wait(lock, [&] { return tensors.size() > turn; });
      all.push_back(tensors[turn]);
    }
    return all;
  }
  std::vector<Tensor> exchange(int64_t rank, const Tensor& tensor) {
    return take(give(rank, tensor));
  }

 private:
  std::mutex mutex_;
  std::condition_variable change_;
  std::vector<std::vector<Tensor>> given_;
};

}  // namespace glm_image::test
