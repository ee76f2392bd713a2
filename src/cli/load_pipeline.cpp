#include <iostream>

#include "cli/model_location.h"
#include "cli/model_options.h"
#include "cli/translation.h"
#include "io/shown.h"

namespace glm_image::cli {

Pipeline load_pipeline(const ModelOptions& options, const PipelineOptions& pipeline_options) {
  auto pipeline = Pipeline::load(locate_model(options.model), pipeline_options);
  for (const auto& warning : pipeline.info().warnings) {
    std::cerr << tr("warning: %1", {io::printable(translated(warning))}) << '\n';
  }
  return pipeline;
}

Pipeline load_pipeline(const ModelOptions& options) {
  return load_pipeline(options, pipeline_options(options));
}

}  // namespace glm_image::cli
