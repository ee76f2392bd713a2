#pragma once

#include <string>

#include "cli/commands.h"
#include "cli/lora_options.h"

namespace glm_image::cli {

/// Options of `batch`, as written on the command line.
struct BatchOptions {
  ModelOptions model;
  std::string file;
  std::string folder;
  LoraOptions loras;
  std::string format = "png";
  int quality = 95;
  bool only_check = false;
  bool metadata = true;  ///< parameters in the pictures
  bool json = false;
  bool quiet = false;
};

/// Checks all lines, draws those whose pictures are missing, and writes summary.json and contact
/// sheets into the folder. A line that is wrong or fails does not stop the others. Throws
/// kInvalidInput, before anything is drawn, if no line is right, or if one is wrong with
/// `only_check`; kCancelled after an interrupt; kOutput, at once, if a
/// file cannot be written; kInternal, at the end, if lines failed.
void run_batch(const BatchOptions& options);

}  // namespace glm_image::cli
