#pragma once

#include <string>

#include "cli/commands.h"

namespace glm_image::cli {

/// Options of `export`, as written on the command line.
struct ExportOptions {
  std::string runs, output, base;
};

/// Writes the model and prints its folder.
void run_export(const ExportOptions& options);

}  // namespace glm_image::cli
