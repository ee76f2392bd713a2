#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// Initialises a weight of the DiT, the glyph encoder or an auxiliary head, by its name in the
/// stage "transformer". `d_kv`: the glyph encoder's dimension per head.
void initialise_transformer_weight(const std::string& name,
                                   int64_t d_kv,
                                   Tensor& weight,
                                   at::Generator& random);

}  // namespace glm_image::train
