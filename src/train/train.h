#pragma once

#include <functional>
#include <memory>

#include "train/config/training_config.h"
#include "train/stage.h"

namespace glm_image::train {

/// Creates the stage that a config names.
using StageMaker =
    std::function<std::unique_ptr<Stage>(const TrainingConfig& config, const at::Device& device)>;

/// Creates a stage that trains on a folder of pictures with captions. Throws kInvalidInput for an
/// unknown name, otherwise as the stages' constructors and FolderTrainingData do.
std::unique_ptr<Stage> make_stage(const TrainingConfig& config, const at::Device& device);

/// Runs a stage to its end or until `should_stop` returns true. Returns the next step, which is
/// config.loop.steps if it is done. `make` creates the stage: make_stage, or that of a data set
/// with auxiliary losses of its own. On the CPU, throws kInvalidInput if weights, gradients and the
/// optimizer's state need more than `max_memory_bytes`, or, if that is 0, more than the machine can
/// give. `ranks`: trains as one of them (run_training), each with the same config and data; null:
/// alone.
int64_t train(const TrainingConfig& config,
              const at::Device& device,
              const LoopCallbacks& callbacks,
              int64_t max_memory_bytes = 0,
              const StageMaker& make = make_stage,
              Ranks* ranks = nullptr);

}  // namespace glm_image::train
