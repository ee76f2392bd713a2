#include "train/weights/initialise.h"

#include <cmath>

#include "core/suffix.h"

namespace glm_image::train {

void initialise_weight(const std::string& name, Tensor& weight, at::Generator& random) {
  if (weight.dim() <= 1) {
    weight.fill_(ends_with(name, "bias") ? 0 : 1);
    return;
  }
  const int64_t fan_in = weight.numel() / weight.size(0);
  double deviation = 1 / std::sqrt(static_cast<double>(fan_in));
  // Token embeddings start at the scale of what is added to them. This is the output of the first
  // layers or, for the codes of a DiT, patches of noise. Smaller ones would be lost in bfloat16
  // rounding.
  if (ends_with(name, "embed_tokens.weight") || ends_with(name, "shared.weight") ||
      ends_with(name, "token_embedding.weight")) {
    deviation = 1;
  } else if (ends_with(name, "embedding.weight")) {
    deviation = 0.02;
  }
  weight.normal_(0, deviation, random);
}

}  // namespace glm_image::train
