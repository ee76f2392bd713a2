#include "train/hidden_codes.h"

namespace glm_image::train {

Tensor hidden_codes(int64_t hiding, int64_t sequences, int64_t codes, at::Generator& random) {
  constexpr double kLeastChance = 0.5;
  const auto chances = kLeastChance + (1 - kLeastChance) * at::rand({sequences, 1}, random);
  auto hidden = at::rand({sequences, codes}, random) < chances;
  hidden.narrow(0, hiding, sequences - hiding).fill_(false);
  return hidden;
}

}  // namespace glm_image::train
