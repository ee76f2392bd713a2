#pragma once

#include "models/autoencoder/config.h"

namespace glm_image::models {

/// Operations of the VAE's convolutions for a picture of width·height pixels, two for each product
/// of the equations. The convolutions report their work in the same unit (nn/convolution).
double encoding_operations(const AutoencoderConfig& config, int64_t width, int64_t height);
double decoding_operations(const AutoencoderConfig& config, int64_t width, int64_t height);

/// Values of the tensors that exist at the same time in the layer that needs the most, for a
/// picture of width·height pixels. `fused`: with the convolutions in bfloat16 (nn/convolution),
/// else with the plain ones, whose copies are estimated generously.
int64_t encoding_values(const AutoencoderConfig& config, int64_t width, int64_t height, bool fused);
int64_t decoding_values(const AutoencoderConfig& config, int64_t width, int64_t height, bool fused);

}  // namespace glm_image::models
