#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// [sequences] bool: true for `hiding` of them, chosen at random.
Tensor choose_hiding(int64_t hiding, int64_t sequences, at::Generator& random);

/// [sequences, codes] true where a code is hidden: in each sequence of `hides` [sequences] every
/// code with a chance that is drawn for the sequence, from a half to 1; in the others none.
Tensor hidden_codes(const Tensor& hides, int64_t codes, at::Generator& random);

}  // namespace glm_image::train
