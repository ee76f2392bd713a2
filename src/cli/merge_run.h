#pragma once

#include <string>

#include "cli/commands.h"
#include "cli/lora_options.h"

namespace glm_image::cli {

/// Options of `merge`, as written on the command line.
struct MergeOptions {
  std::string model, output;
  LoraOptions loras;
  bool quiet = false;
  int threads = 0;
};

/// Writes the copy and prints its folder.
void run_merge(const MergeOptions& options);

}  // namespace glm_image::cli
