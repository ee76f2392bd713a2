#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// Replaces each code of codes [B, tokens] int64 with probability `share` by a uniformly random one
/// of [0, count_of_codes). It imitates errors of the generator in the visual tokens that condition
/// the DiT. Ho et al. 2022, "Cascaded Diffusion Models", section 4, augment the conditioning of a
/// cascade for the same reason.
Tensor with_random_codes(const Tensor& codes,
                         int64_t count_of_codes,
                         double share,
                         at::Generator& random);

}  // namespace glm_image::train
