#pragma once

#include "cli/commands.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// Loads the model that the options name. Throws Error.
Pipeline load_pipeline(const ModelOptions& options);

}  // namespace glm_image::cli
