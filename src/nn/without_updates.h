#pragma once

#include <utility>
#include <vector>

#include "nn/modules.h"

namespace glm_image::nn {

/// Detaches those low-rank updates of a module that learn (their factors require gradients) within
/// its scope, and attaches them again at the end. The module must outlive this, and its updates
/// must not change within the scope.
class WithoutUpdates {
 public:
  explicit WithoutUpdates(const torch::nn::Module& module);
  ~WithoutUpdates();
  WithoutUpdates(const WithoutUpdates&) = delete;
  WithoutUpdates& operator=(const WithoutUpdates&) = delete;

 private:
  std::vector<std::pair<LinearImpl*, std::vector<LowRankUpdate>>> removed_;
};

}  // namespace glm_image::nn
