#pragma once

#include <functional>
#include <string>

#include "train/learning_rate.h"
#include "train/master_weights.h"
#include "train/run_folder.h"

namespace glm_image::train {

struct LoopOptions {
  int64_t steps = 1000;
  int64_t accumulate = 1;  ///< batches a step
  int64_t loader_threads = 1;
  LearningRate learning_rate;
  double checkpoint_seconds = 180;
  int64_t metrics_every = 10;
  int64_t samples_every = 500;  ///< 0: no sheets
  uint64_t seed = 0;
  std::string identity;  ///< of the run's settings, see RunFolder::save_checkpoint
};

struct LoopProgress {
  int64_t step = 0, steps = 0;
  double loss = 0;  ///< mean of the finite ones since the report before; NaN if there was none
  double seconds_per_step = 0;  ///< likewise
};

struct LoopCallbacks {
  /// Fills a weight of a run that begins; where it returns false, the stage does.
  std::function<bool(const std::string& name, Tensor& weight)> fill_weight;
  std::function<void(const LoopProgress&)> progress;
  /// Asked after every step; true saves and ends the run.
  std::function<bool()> should_stop;
};

/// Trains until `steps` are done or it is told to stop; saves in both cases. Goes on from the
/// folder's checkpoint where there is one; throws as RunFolder::load_checkpoint does. Returns the
/// next step. A step whose loss or gradient is not finite changes neither weights nor the state of
/// the optimizer or the stage; throws kInvalidInput after a hundred of them in a row.
int64_t run_training(Stage& stage,
                     MasterWeights& weights,
                     RunFolder& folder,
                     const LoopOptions& options,
                     const LoopCallbacks& callbacks);

}  // namespace glm_image::train
