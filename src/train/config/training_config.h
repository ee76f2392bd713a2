#pragma once

#include <filesystem>

#include "train/config/run_config.h"
#include "train/run/training_loop.h"
#include "train/weights/mixed_precision_adamw.h"

namespace glm_image::train {

/// The config file of a stage that is trained by gradients.
struct TrainingConfig : RunConfig {
  int64_t batch = 1;
  std::string dtype;  ///< of the computation: "bfloat16" or "float32"
  OptimizerOptions optimizer;
  LoopOptions loop;

  /// Throws as RunConfig::load does.
  static TrainingConfig load(const std::filesystem::path& file);
  /// As RunConfig::parse.
  static TrainingConfig parse(const std::string& text, const std::filesystem::path& file);

  at::ScalarType working_type() const { return dtype == "float32" ? at::kFloat : at::kBFloat16; }
};

}  // namespace glm_image::train
