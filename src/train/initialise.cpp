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
  constexpr double kEmbeddingDeviation = 0.02;
  const bool embedding = name.find("embed_tokens") != std::string::npos ||
                         ends_with(name, "embedding.weight") || ends_with(name, "shared.weight");
  const auto fan_in = static_cast<double>(weight.numel() / weight.size(0));
  weight.normal_(0, embedding ? kEmbeddingDeviation : 1 / std::sqrt(fan_in), random);
}

}  // namespace glm_image::train
