#pragma once

#include <vector>

#include "glm_image.h"
#include "glm_image/verification.h"

namespace glm_image::c_api {

/// The checks as the C interface shows them; their texts stay those of `checks`.
std::vector<glm_image_text_check> views_of(const std::vector<TextCheck>& checks);

}  // namespace glm_image::c_api
