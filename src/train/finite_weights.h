#pragma once

#include <string>

#include "core/torch.h"

namespace glm_image::train {

/// Throws kCorruptFile naming `source` and the tensor unless all its values are finite: what is
/// trained on or from a weight that is not would be lost. Tensors of integers pass.
void check_finite(const std::string& source, const std::string& name, const Tensor& tensor);

}  // namespace glm_image::train
