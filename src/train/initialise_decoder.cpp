#include "train/initialise_decoder.h"

#include <cmath>

#include "train/initialise.h"

namespace glm_image::train {
namespace {

/// Position biases [buckets, heads] to begin with. The DiT's text tokens have no positions but what
/// the glyph encoder writes into them, and a head that looks evenly at all that follows finds the
/// end marker with weight 1/(letters left): so the first heads look at what follows and what came
/// before, evenly and fading, and the next two at the neighbours.
Tensor counting_bias(int64_t buckets, int64_t heads) {
  constexpr double kAway = -6, kFading = 0.4, kNeighbour = 4;
  const auto distances = at::arange(buckets / 2, at::TensorOptions(at::kFloat));
  const auto none = at::zeros_like(distances), away = at::full_like(distances, kAway);
  const auto fading = -kFading * distances;
  auto away_but_self = away.clone();
  away_but_self[0] = 0;
  auto neighbour = none.clone();
  neighbour[1] = kNeighbour;
  // Buckets of what came before, the token itself first, then of what follows.
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

bool has(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

}  // namespace

void initialise_decoder_weight(const std::string& name,
                               int64_t d_kv,
                               Tensor& weight,
                               at::Generator& random) {
  initialise_weight(name, weight, random);
  // Blocks begin as the identity and the output as zero (Peebles and Xie 2023).
  if (has(name, "norm1.linear") || has(name, "norm_out.linear") || has(name, "proj_out")) {
    weight.zero_();
  }
  // As Raffel et al. (2020): T5 does not scale its scores, so its queries are drawn smaller by
  // √d_kv.
  if (has(name, "SelfAttention.q.")) weight.div_(std::sqrt(static_cast<double>(d_kv)));
  if (has(name, "relative_attention_bias")) {
    weight.copy_(counting_bias(weight.size(0), weight.size(1)));
  }
}

}  // namespace glm_image::train
