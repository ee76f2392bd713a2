#pragma once

#include "core/torch.h"

namespace glm_image::nano {

/// Augments the visual tokens that condition the DiT with errors of a generator, so that the DiT
/// learns to trust the texts where they contradict the tokens.
///
/// The code of an item's token is replaced by that of another token of the same picture. The other
/// token has the same class or, in a fifth of the cases, is background. Half of the pictures are
/// left unchanged; the others draw their probability uniformly from 0 to `most`.
///
/// codes, kinds [B, tokens] int64; kinds are token classes (token_kinds).
Tensor with_swapped_codes(const Tensor& codes,
                          const Tensor& kinds,
                          double most,
                          at::Generator& random);

}  // namespace glm_image::nano
