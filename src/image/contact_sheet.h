#pragma once

#include <vector>

#include "glm_image/image.h"

namespace glm_image::image {

/// Arranges pictures in rows on a grey background. Each row is as high as its highest picture.
Image contact_sheet(const std::vector<std::vector<Image>>& rows);

}  // namespace glm_image::image
