#pragma once

#include <filesystem>
#include <memory>

#include "train/stage.h"
#include "train/training_config.h"

namespace glm_image::train {

/// The stages there are, in the order in which a model is trained. The first, "vocabulary", has no
/// gradients: train/vocabulary.h.
const std::vector<std::string>& stage_names();

/// The stage that a config names. Throws kInvalidInput for a name that is none.
std::unique_ptr<Stage> make_stage(const TrainingConfig& config, const at::Device& device);

/// Runs a stage until it is done or told to stop. Returns the next step: config.loop.steps when it
/// is done.
int64_t train(const TrainingConfig& config,
              const at::Device& device,
              const LoopCallbacks& callbacks);

}  // namespace glm_image::train
