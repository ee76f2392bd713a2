#pragma once

#include <string>
#include <vector>

#include "train/ranks/ranks.h"
#include "train/run/metrics_window.h"
#include "train/weights/ema.h"

namespace glm_image::train {

/// What a rank computed in a step.
struct StepResult {
  struct Part {
    Measured values;
    double weight = 1;  ///< fraction of the batch's rows
  };
  double loss = 0;          ///< this rank's term of the loss
  std::vector<Part> parts;  ///< metrics of its batches
};

/// The loss of the step and the means of its metrics over the batches and the ranks. NaN values of
/// metrics are ignored. Collective; returns the same on all ranks. Metrics that rank 0 did not
/// measure are left out.
StepResult combined(Ranks& ranks, const StepResult& own);

/// The value of rank 0. Collective.
double of_first(Ranks& ranks, double value);

/// Overwrites the state of the optimizer, of the average and of the stage, and `numbers`, by those
/// of rank 0. Collective.
void share_state(Ranks& ranks,
                 MixedPrecisionAdamW& weights,
                 const ExponentialMovingAverage& average,
                 const NamedTensors& stage,
                 const std::vector<int64_t*>& numbers);

}  // namespace glm_image::train
