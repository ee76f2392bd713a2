#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// The weights that the DiT, the glyph encoder and the letter reader begin with, by their names in
/// the decoder stage. d_kv: the glyph encoder's, per head.
void initialise_decoder_weight(const std::string& name,
                               int64_t d_kv,
                               Tensor& weight,
                               at::Generator& random);

}  // namespace glm_image::train
