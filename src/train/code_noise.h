#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// What makes codes of posters as wrong as a generator's may be. A denoiser that has only seen true
/// ones believes them where the texts tell better. (Ho et al. 2022, "Cascaded Diffusion Models",
/// section 4, disturb what the next stage is given to the same end.)
struct CodeNoise {
  /// Share of all codes that any other takes the place of.
  double random_share = 0;
  /// The largest share of an item's codes that one of the same kind takes the place of, of the same
  /// picture; or, for a part of them, one of the ground. Half of the pictures are spared, the
  /// others' shares lie evenly between 0 and this.
  double most_swapped = 0;
};

/// codes, kinds [B, tokens] int64 (kinds as from token_kinds) → codes [B, tokens], disturbed.
Tensor disturb_codes(const Tensor& codes,
                     const Tensor& kinds,
                     int64_t count_of_codes,
                     const CodeNoise& noise,
                     at::Generator& random);

}  // namespace glm_image::train
