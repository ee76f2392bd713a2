#include "train/objectives/prior_preservation.h"

#include <utility>

#include "nn/recompute.h"
#include "nn/without_updates.h"

namespace glm_image::train {

TokenPreservation::TokenPreservation(models::GlmImageForConditionalGeneration model,
                                     TokenPredictionOptions options)
    : model_(model), prediction_(std::move(model), {/*taps=*/{}, options.recompute_layers}) {}

Tensor TokenPreservation::loss(const TokenPredictionBatch& batch) const {
  const auto log_probabilities = [&] {
    return at::log_softmax(model_->logits(prediction_.hidden_states(batch).last), /*dim=*/-1);
  };
  Tensor base;
  {
    const nn::AsInTraining as_in_training;
    const nn::WithoutUpdates without_updates(*model_);
    base = log_probabilities();
  }
  const auto terms =
      at::kl_div(log_probabilities(), base, at::Reduction::None, /*log_target=*/true);
  return terms.sum(-1).mean();
}

VelocityPreservation::VelocityPreservation(models::GlmImageTransformer2DModel transformer,
                                           models::T5EncoderModel glyph_encoder,
                                           FlowMatchingOptions options)
    : transformer_(transformer),
      flow_matching_(std::move(transformer), std::move(glyph_encoder), options) {}

Tensor VelocityPreservation::loss(const FlowMatchingBatch& batch,
                                  const models::ConditionCache* base_conditions) const {
  Tensor base;
  {
    const nn::AsInTraining as_in_training;
    const nn::WithoutUpdates without_updates(*transformer_);
    auto of_base = batch;
    of_base.conditions = base_conditions;
    base = flow_matching_.predict(of_base).velocity;
  }
  return (flow_matching_.predict(batch).velocity - base).square().mean();
}

}  // namespace glm_image::train
