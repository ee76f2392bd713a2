#include "cli/train_cluster_run.h"

#if GLM_IMAGE_HAVE_CLUSTER

#include <iostream>

#include "cli/interrupt.h"
#include "cli/model_hashing.h"
#include "cli/translation.h"
#include "cluster/training_coordinator.h"
#include "core/error.h"

namespace glm_image::cli {

void train_together(const ClusterOptions& options,
                    const TrainingTask& task,
                    const std::function<void(train::Ranks& ranks)>& train) {
  check_cluster_options(options);
  if (!options.address) {
    train::OneRank alone;
    return train(alone);
  }
  cluster::MemberOptions members;
  members.address = cluster::parse_address(*options.address, "--cluster");
  members.world = static_cast<int>(*options.world);
  if (options.key_file) members.secret = cluster::Secret::load(*options.key_file);
  members.work = cluster::Work::kTraining;
  members.task = task.settings;
  members.files = hash_training(task.folders, task.model, /*quiet=*/false);
  survive_closed_connections();
  cluster::TrainingCoordinator coordinator(std::move(members), [](const std::string& sentence) {
    // One write: threads may speak at the same time.
    std::cerr << translated(sentence) + "\n";
  });
  if (!coordinator.wait_for_all([] { return interrupted_by() == 0; })) {
    fail(ErrorCode::kCancelled, "stopped while waiting for other machines");
  }
  try {
    coordinator.run(train);
  } catch (const std::exception& error) {
    coordinator.dismiss(error.what());
    throw;
  }
}

}  // namespace glm_image::cli

#else

namespace glm_image::cli {

void train_together(const ClusterOptions& options,
                    const TrainingTask& /*task*/,
                    const std::function<void(train::Ranks& ranks)>& train) {
  check_cluster_options(options);
  train::OneRank alone;
  train(alone);
}

}  // namespace glm_image::cli

#endif
