#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/cluster_options.h"
#include "cli/commands.h"
#include "cli/denoising_options.h"

namespace glm_image::cli {

/// Options of `plan`, as written on the command line.
struct PlanOptions {
  ModelOptions model;
  NetworkOptions network;
  DenoisingOptions denoising;
  int64_t world = 2;
  int64_t count = 1;
  std::optional<std::string> size;
  bool json = false;
};

/// Prints what a request is predicted to cost on several machines, in each way.
void run_plan(const PlanOptions& options);

}  // namespace glm_image::cli
