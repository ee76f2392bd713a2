#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/cluster_options.h"
#include "cli/commands.h"
#include "train/config/run_config.h"

namespace glm_image::cli {

/// Options of `train`, as written on the command line.
struct TrainOptions {
  std::string stage;
  std::string config;
  std::string device = "cpu";
  std::string device_plugin;
  int threads = 0;
  int64_t steps = 0;
  std::optional<std::string> max_memory;
  ClusterOptions cluster;
};

/// The config that the options name. Throws as RunConfig::load does, and kInvalidInput if it is one
/// of another stage.
train::RunConfig load_run_config(const TrainOptions& options);

/// Trains until the stage is done or an interrupt, which throws kCancelled.
void run_train(const TrainOptions& options);

}  // namespace glm_image::cli
