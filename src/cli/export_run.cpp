#include "cli/export_run.h"

#include <iostream>

#include "nano/training/make_stage.h"
#include "train/weights/export.h"

namespace glm_image::cli {

void run_export(const ExportOptions& options) {
  train::export_checkpoint(options.runs, options.output, options.base, nano::exported_parts());
  std::cout << options.output << '\n';
}

}  // namespace glm_image::cli
