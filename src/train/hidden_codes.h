#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// [sequences, codes] true where a code is hidden: in the first `hiding` sequences each code with a
/// chance that is drawn for the sequence, from a half to 1; in the others none.
Tensor hidden_codes(int64_t hiding, int64_t sequences, int64_t codes, at::Generator& random);

}  // namespace glm_image::train
