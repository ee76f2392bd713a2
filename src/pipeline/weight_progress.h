#pragma once

#include "pipeline/checkpoint.h"
#include "pipeline/run_monitor.h"

namespace glm_image::pipeline {

/// Reports the reading of weights as a separate stage, which begins with the first tensor.
inline Checkpoint::ReadProgress weight_progress(RunMonitor& monitor) {
  return [&monitor, begun = false](uint64_t done, uint64_t total) mutable {
    if (!begun) monitor.begin(Stage::kReadingWeights, static_cast<int64_t>(total));
    begun = true;
    monitor.step(static_cast<int64_t>(done));
  };
}

}  // namespace glm_image::pipeline
