#pragma once

#include <string>

#include "core/torch.h"

namespace glm_image::train {

/// Initialises a weight by its name and shape. Matrices and kernels: normal with standard deviation
/// 1/√fan_in. Token embeddings (names ending in "embed_tokens.weight", "shared.weight" or
/// "token_embedding.weight"): normal with standard deviation 1. Other embeddings
/// ("embedding.weight"): 0.02. Biases: 0. Norm gains: 1.
void initialise_weight(const std::string& name, Tensor& weight, at::Generator& random);

}  // namespace glm_image::train
