#pragma once

#include <filesystem>

#include "train/example_order.h"
#include "train/master_weights.h"
#include "train/run_config.h"
#include "train/training_loop.h"

namespace glm_image::train {

/// A picture size and how often it is drawn, relative to the others.
struct SizeShare {
  int64_t width = 0;
  int64_t height = 0;
  double share = 1;
};

/// What the config file of every stage that learns by gradients holds (docs/training.md lists the
/// keys).
struct TrainingConfig : RunConfig {
  int64_t batch = 1;
  int64_t posters = 0;  ///< size of the data set; 0: a new poster every time, without end
  std::vector<SizeShare> sizes;
  std::string dtype;  ///< of the computation: "bfloat16" or "float32"
  OptimizerOptions optimizer;
  LoopOptions loop;

  /// Throws as RunConfig::load does.
  static TrainingConfig load(const std::filesystem::path& file);

  at::ScalarType working_type() const { return dtype == "float32" ? at::kFloat : at::kBFloat16; }
  /// The example that the batch of a step has at slot i; see ExampleOrder.
  int64_t example_at(int64_t step, int64_t i) const;
  /// The size of all pictures of a step.
  const SizeShare& size_at(int64_t step) const;
};

}  // namespace glm_image::train
