#include "nano/training/counting_bias.h"

namespace glm_image::nano {

Tensor counting_bias(int64_t buckets, int64_t heads) {
  constexpr double kAway = -6, kFading = 0.4, kNeighbour = 4;
  const auto distances = at::arange(buckets / 2, at::TensorOptions(at::kFloat));
  const auto none = at::zeros_like(distances), away = at::full_like(distances, kAway);
  const auto fading = -kFading * distances;
  auto away_but_self = away.clone();
  away_but_self[0] = 0;
  auto neighbour = none.clone();
  neighbour[1] = kNeighbour;
  // The buckets of earlier tokens, starting with the token itself, then those of later tokens.
  const std::vector<std::pair<Tensor, Tensor>> kinds = {{away_but_self, none},
                                                        {none, away},
                                                        {away_but_self, fading},
                                                        {fading, away},
                                                        {neighbour, none},
                                                        {none, neighbour}};
  std::vector<Tensor> columns;
  for (int64_t head = 0; head < heads; ++head) {
    const auto& [before, after] = kinds[static_cast<size_t>(head) % kinds.size()];
    columns.push_back(at::cat({before, after}));
  }
  return at::stack(columns, 1);
}

}  // namespace glm_image::nano
