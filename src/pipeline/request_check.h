#pragma once

#include "glm_image/request.h"
#include "pipeline/checkpoint.h"

namespace glm_image::pipeline {

/// Checks every field of a request and fills in the model's defaults for the size, the steps, the
/// guidance and the sampling settings. Throws kInvalidInput naming the field, what is allowed and
/// what was found.
Request resolve_request(const Request& request, const Checkpoint& checkpoint);

}  // namespace glm_image::pipeline
