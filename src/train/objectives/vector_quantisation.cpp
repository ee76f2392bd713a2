#include "train/objectives/vector_quantisation.h"

#include "models/vision/vq_model.h"

namespace glm_image::train {
namespace {

Tensor weights_of(const VqTokens& tokens) {
  return tokens.weights.defined() ? tokens.weights
                                  : at::ones({tokens.vectors.size(0)}, tokens.vectors.options());
}

}  // namespace

Tensor weighted_mean(const Tensor& of_tokens, const Tensor& weights) {
  return (of_tokens * weights).sum() / weights.sum();
}

QuantisedTokens vector_quantisation(const VqTokens& tokens) {
  const auto codes = tokens.codes.detach();
  const auto ids = models::GlmImageVQModelImpl::nearest(tokens.vectors.detach(), codes);
  const auto chosen = codes.index_select(0, ids);
  const auto distances = 1 - (tokens.vectors * chosen).sum(1);
  return {tokens.vectors + (chosen - tokens.vectors).detach(),
          ids,
          distances.detach(),
          weighted_mean(distances, weights_of(tokens))};
}

MovingCodebook::MovingCodebook(const Tensor& codes, double decay)
    : sums_(codes / codes.norm(2, {1}, /*keepdim=*/true)),
      counts_(at::ones({codes.size(0)}, codes.options())),
      decay_(decay) {}

void MovingCodebook::update(const VqTokens& tokens,
                            const QuantisedTokens& quantised,
                            bool revive,
                            at::Generator& random) {
  const auto vectors = tokens.vectors.detach(), weights = weights_of(tokens);
  const int64_t codes = counts_.size(0);
  const auto counts = at::bincount(quantised.ids, weights, codes).to(at::kFloat);
  const auto sums =
      at::zeros_like(sums_).index_add_(0, quantised.ids, vectors * weights.unsqueeze(1));
  counts_.lerp_(counts, 1 - decay_);
  sums_.lerp_(sums, 1 - decay_);
  if (!revive) return;

  const double share = weights.sum().item<double>() / static_cast<double>(codes);
  const auto unused = (counts_ < 0.1 * share).nonzero().squeeze(1);
  if (unused.size(0) == 0) return;
  const auto chances = (weights * quantised.distances.clamp_min(1e-6)).to(at::kCPU);
  const auto picked = at::multinomial(chances, unused.size(0), /*replacement=*/true, random);
  sums_.index_copy_(0, unused, vectors.index_select(0, picked.to(vectors.device())) * share);
  counts_.index_fill_(0, unused, share);
}

Tensor MovingCodebook::codes() const {
  return sums_ / sums_.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace glm_image::train
