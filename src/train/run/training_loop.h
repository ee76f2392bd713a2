#pragma once

#include <functional>
#include <string>

#include "train/ranks/ranks.h"
#include "train/run/learning_rate.h"
#include "train/run/run_folder.h"
#include "train/weights/mixed_precision_adamw.h"

namespace glm_image::train {

struct LoopOptions {
  int64_t steps = 1000;
  int64_t accumulate = 1;  ///< batches per step (gradient accumulation)
  int64_t batch = 1;       ///< examples per batch, which decide how ranks divide a step
  int64_t bucket_bytes = int64_t{8} << 20;  ///< of gradients that ranks sum at once
  int64_t loader_threads = 1;
  LearningRate learning_rate;
  double ema_decay = 0.999;  ///< of the exponential moving average of the weights; 0: themselves
  double checkpoint_seconds = 180;
  int64_t metrics_every = 10;
  int64_t samples_every = 500;  ///< 0: no sample grids
  uint64_t seed = 0;
  std::string identity;  ///< the run's settings, see RunFolder::save_checkpoint
};

struct LoopProgress {
  int64_t step = 0, steps = 0;
  double loss = 0;  ///< mean of the finite losses since the last report; NaN if there are none
  double seconds_per_step = 0;  ///< since the last report
};

struct LoopCallbacks {
  /// Initialises a weight of a new run. If it returns false, the stage initialises the weight.
  std::function<bool(const std::string& name, Tensor& weight)> fill_weight;
  std::function<void(const LoopProgress&)> progress;
  /// A sentence about the config: a former name, a picture that cannot be used.
  std::function<void(const std::string& sentence)> warn;
  /// Called after every step; true saves the run and ends it.
  std::function<bool()> should_stop;
  /// Called after each checkpoint.
  std::function<void(const RunFolder& folder)> saved;
};

/// Throws kInvalidInput if all ranks but one would have nothing to compute: a step is one batch,
/// which the stage cannot divide. run_training does too; call it before you open the run's folder.
void require_divisible(const Stage& stage, const LoopOptions& options, const Ranks& ranks);

/// Trains until `steps` are done or `should_stop` returns true, and saves the run. Resumes from the
/// folder's checkpoint if there is one; throws as RunFolder::load_checkpoint does. Returns the next
/// step. A step whose loss or gradient is not finite changes neither the weights nor the state of
/// the optimizer or the stage. Throws kInvalidInput after a hundred such steps in a row.
int64_t run_training(Stage& stage,
                     MixedPrecisionAdamW& weights,
                     RunFolder& folder,
                     const LoopOptions& options,
                     const LoopCallbacks& callbacks);

/// The same as one of several ranks, all of which call it with the same options and equal stages.
/// `folder` is that of rank 0, which alone reads and writes it; null on the other ranks, which get
/// the weights and the state from rank 0. Each rank takes the optimizer's steps on the summed
/// gradients, so no weights are sent after a step.
///
/// The examples and the random numbers of a step do not depend on the ranks. Losses and weights
/// differ from those of one rank by rounding. A run may be resumed with another number of ranks.
///
/// `should_stop` on rank 0 stops all ranks; on another rank it throws kCancelled there. Throws
/// kInvalidInput if the stage cannot divide its steps among ranks, otherwise as `ranks` does.
int64_t run_training(Stage& stage,
                     MixedPrecisionAdamW& weights,
                     RunFolder* folder,
                     Ranks& ranks,
                     const LoopOptions& options,
                     const LoopCallbacks& callbacks);

}  // namespace glm_image::train
