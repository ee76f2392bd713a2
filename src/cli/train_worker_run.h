#pragma once

#include "cli/worker_run.h"

namespace glm_image::cli {

/// Joins a cluster and trains (WorkerOptions::train_in) until its coordinator ends. Throws as
/// run_worker does.
void run_training_worker(const WorkerOptions& options);

}  // namespace glm_image::cli
