#include "glm_image/pipeline.h"

namespace glm_image {

const char* version() {
  return GLM_IMAGE_VERSION;
}

}  // namespace glm_image
