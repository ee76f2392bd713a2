#pragma once

#include <filesystem>

#include "io/json_file.h"
#include "train/master_weights.h"
#include "train/training_loop.h"

namespace glm_image::train {

/// A picture size and how often it is drawn, relative to the others.
struct SizeShare {
  int64_t width = 0;
  int64_t height = 0;
  double share = 1;
};

/// What every stage's config file holds (docs/training.md lists the keys).
struct TrainingConfig {
  std::string stage;
  std::filesystem::path run;    ///< folder of the run
  std::filesystem::path data;   ///< folder of the posters' data
  std::filesystem::path model;  ///< the model's configs, in the checkpoint's layout
  uint64_t seed = 0;
  int64_t batch = 1;
  std::vector<SizeShare> sizes;
  std::string dtype;  ///< of the computation: "bfloat16" or "float32"
  OptimizerOptions optimizer;
  LoopOptions loop;
  io::JsonFields fields;  ///< for the stage's own keys, under the stage's name

  /// Relative paths start at the config file's folder. Throws kCorruptFile naming the line, the
  /// key and what is allowed.
  static TrainingConfig load(const std::filesystem::path& file);

  at::ScalarType working_type() const { return dtype == "float32" ? at::kFloat : at::kBFloat16; }
  /// The size of all pictures of a step.
  const SizeShare& size_at(int64_t step) const;
};

}  // namespace glm_image::train
