#pragma once

#include "core/torch.h"

namespace glm_image::nano {

/// Initial position biases of the glyph encoder, [buckets, heads]. Only the glyph encoder can
/// encode positions into the DiT's text tokens. A head that attends uniformly to all following
/// letters gives the end marker the weight 1/(letters left), which encodes their number.
///
/// Heads cycle through six kinds: uniform over later tokens, uniform over earlier ones, the same
/// two with decay, and two that prefer the previous or the next token.
Tensor counting_bias(int64_t buckets, int64_t heads);

}  // namespace glm_image::nano
