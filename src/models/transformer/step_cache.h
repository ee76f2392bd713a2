#pragma once

#include "core/torch.h"

namespace glm_image::models {

/// First-block cache, after ParaAttention. From one denoising step to the next, the blocks change
/// the tokens by nearly the same residual. The first block's residual is computed at every step. If
/// it has changed by less than a threshold, the residual of the other blocks is reused from an
/// earlier step. Evaluations with and without the condition need a cache each.
class StepCache {
 public:
  /// `threshold`: of the mean absolute change relative to the mean absolute value; 0 never skips.
  explicit StepCache(double threshold) : threshold_(threshold) {}

  /// Whether the other blocks may be skipped. `first`: what the first block added, [B, T, dim].
  bool may_skip(const Tensor& first);
  /// What the other blocks added when they were last computed, [B, T, dim].
  const Tensor& rest() const { return rest_; }
  /// To be called when they were computed.
  void keep(const Tensor& first, const Tensor& rest);

  int64_t skipped() const { return skipped_; }

 private:
  double threshold_;
  Tensor first_, rest_;
  int64_t skipped_ = 0;
};

}  // namespace glm_image::models
