#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace glm_image::train {

/// Linear warm-up over `warmup` steps, then cosine decay to `last` at step `steps`.
struct LearningRate {
  double peak = 1e-3;
  double last = 1e-5;
  int64_t warmup = 100;
  int64_t steps = 1;

  double at(int64_t step) const {
    if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
    const double done = static_cast<double>(step - warmup) /
                        static_cast<double>(std::max<int64_t>(steps - warmup, 1));
    return last + (peak - last) * 0.5 * (1 + std::cos(M_PI * std::min(done, 1.0)));
  }
};

}  // namespace glm_image::train
