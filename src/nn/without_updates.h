#pragma once

#include <utility>
#include <vector>

#include "nn/modules.h"

namespace glm_image::nn {

/// A module without those of its low-rank updates that learn, whose factors require gradients,
/// until the end of the scope, which puts them back. The module must outlive this, and its updates
/// must not change meanwhile.
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
