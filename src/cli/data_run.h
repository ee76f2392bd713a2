#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.h"

namespace glm_image::cli {

/// Options of `data check`, as written on the command line.
struct DataCheckOptions {
  std::string model;  ///< empty: that of $GLM_IMAGE_MODEL, or none
  std::string folder, trigger, sheet = "contact-sheet.png";
  int64_t size = 512;
};

/// Prints what of the folder will be used, and writes the contact sheet.
void run_data_check(const DataCheckOptions& options);

}  // namespace glm_image::cli
