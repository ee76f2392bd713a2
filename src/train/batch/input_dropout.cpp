#include "train/batch/input_dropout.h"

namespace glm_image::train {

Tensor choose_hiding(int64_t hiding, int64_t sequences, at::Generator& random) {
  return at::randperm(sequences, random, at::TensorOptions(at::kLong)) < hiding;
}

Tensor hidden_codes(const Tensor& hides, int64_t codes, at::Generator& random) {
  constexpr double kLeastChance = 0.5;
  const int64_t sequences = hides.size(0);
  const auto chances = kLeastChance + (1 - kLeastChance) * at::rand({sequences, 1}, random);
  const auto hidden = at::rand({sequences, codes}, random) < chances;
  return hidden.logical_and(hides.unsqueeze(1));
}

}  // namespace glm_image::train
