#pragma once

#include "kernels/rotary.h"

namespace glm_image::kernels {

/// Gradient of head_norm_rotary: from `dy`, laid out like heads.x, to heads.out. The rotation is
/// undone by its transpose, then each head is a layer norm without affine. (The gradient of rotary
/// alone is rotary by the opposite angles.)
void head_norm_rotary_gradient(Element element,
                               const TokenHeads& heads,
                               const void* dy,
                               const RotaryAngles& angles,
                               float eps);

}  // namespace glm_image::kernels
