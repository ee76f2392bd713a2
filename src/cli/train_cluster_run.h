#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/cluster_options.h"
#include "train/ranks/ranks.h"

namespace glm_image::cli {

/// A training as all ranks of a cluster need to know it.
struct TrainingTask {
  /// For the workers (train_worker_run): {"kind": "stage", "file", "text", "steps"}, or
  /// {"kind": "lora", "text"}.
  nlohmann::json settings;
  std::map<std::string, std::filesystem::path> folders;  ///< that must be alike on all ranks
  std::filesystem::path model;                           ///< the same for a checkpoint, or empty
};

/// Waits for the machines of --cluster and calls `train` with them as ranks; again with those that
/// are left when one is lost. Without --cluster, calls it alone. Throws what `train` threw, and as
/// check_cluster_options does; kCancelled on an interrupt.
void train_together(const ClusterOptions& options,
                    const TrainingTask& task,
                    const std::function<void(train::Ranks& ranks)>& train);

}  // namespace glm_image::cli
