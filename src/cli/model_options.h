#pragma once

#include "cli/commands.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// What the options say, but for the model's folder (locate_model).
PipelineOptions pipeline_options(const ModelOptions& options);

/// Loads the model that the options name. Throws Error.
Pipeline load_pipeline(const ModelOptions& options);

}  // namespace glm_image::cli
