#pragma once

#include <vector>

#include "glm_image/image.h"

namespace glm_image::image {

/// Rows of pictures, each row as high as its highest picture, on grey.
Image contact_sheet(const std::vector<std::vector<Image>>& rows);

}  // namespace glm_image::image
