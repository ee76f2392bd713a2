#include "train/initialise.h"

#include <cmath>

namespace glm_image::train {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

void initialise_weight(const std::string& name, Tensor& weight, at::Generator& random) {
  if (weight.dim() <= 1) {
    weight.fill_(ends_with(name, "bias") ? 0 : 1);
    return;
  }
  const int64_t fan_in = weight.numel() / weight.size(0);
  double deviation = 1 / std::sqrt(static_cast<double>(fan_in));
  // Tokens begin as large as what is added to them, or they would drown in it, and in bfloat16's
  // rounding: in the first layers' outputs, or, a DiT's codes, in patches of noise.
  if (ends_with(name, "embed_tokens.weight") || ends_with(name, "shared.weight") ||
      ends_with(name, "token_embedding.weight")) {
    deviation = 1;
  } else if (ends_with(name, "embedding.weight")) {
    deviation = 0.02;
  }
  weight.normal_(0, deviation, random);
}

}  // namespace glm_image::train
