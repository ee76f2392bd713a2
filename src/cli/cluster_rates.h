#pragma once

#include "cli/cluster_options.h"
#include "cluster/coordinator.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// The inputs of the choice of a spread: the measured rates of this machine, the network, and the
/// model's sizes. `threads`: see LearnedRates.
cluster::Coordinator::Rates cluster_rates(const ModelInfo& model,
                                          int threads,
                                          const NetworkOptions& network);

}  // namespace glm_image::cli
