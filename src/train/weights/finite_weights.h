#pragma once

#include <string>

#include "core/torch.h"

namespace glm_image::train {

/// Throws kCorruptFile naming `source` and the tensor if a value is NaN or infinite. Integer
/// tensors pass.
void check_finite(const std::string& source, const std::string& name, const Tensor& tensor);

}  // namespace glm_image::train
