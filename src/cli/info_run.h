#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace glm_image::cli {

/// Options of `info`, as written on the command line.
struct InfoOptions {
  ModelOptions model;
  std::optional<std::string> size;
  int64_t images = 0;
  bool json = false;
};

/// Loads the model and prints what it consists of.
void run_info(const InfoOptions& options);

}  // namespace glm_image::cli
