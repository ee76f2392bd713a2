#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// Returns [sequences] bool, true for `hiding` randomly chosen sequences.
Tensor choose_hiding(int64_t hiding, int64_t sequences, at::Generator& random);

/// Returns the mask [sequences, codes] of hidden codes. Each sequence with `hides` [sequences] set
/// draws a rate uniformly from 0.5 to 1 and hides each of its codes with this probability.
Tensor hidden_codes(const Tensor& hides, int64_t codes, at::Generator& random);

}  // namespace glm_image::train
