#pragma once

#include <string>

#include "core/torch.h"

namespace glm_image::train {

/// Fills a new weight: matrices and kernels normal with deviation 1/√fan-in, embeddings of tokens
/// (names ending in "embed_tokens.weight", "shared.weight" or "token_embedding.weight") normal with
/// 1, other embeddings (ending in "embedding.weight") with 0.02, biases 0, gains of norms 1.
void initialise_weight(const std::string& name, Tensor& weight, at::Generator& random);

}  // namespace glm_image::train
