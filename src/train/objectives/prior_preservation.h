#pragma once

#include "train/objectives/flow_matching.h"
#include "train/objectives/token_prediction.h"

/// Prior preservation: losses on examples of what a model draws already, so that its low-rank
/// updates do not change that (Ruiz et al. 2022, "DreamBooth", section 4.3). As in Li & Hoiem 2016,
/// "Learning without Forgetting", the target is the output of the base, which is the model without
/// the updates that learn, on the same input. So nothing is learnt from the examples themselves,
/// and the loss and its gradient are 0 where the updates have no effect.
namespace glm_image::train {

/// Prior preservation of the generator.
class TokenPreservation {
 public:
  /// The options' taps are ignored.
  explicit TokenPreservation(models::GlmImageForConditionalGeneration model,
                             TokenPredictionOptions options = {});

  /// Mean over sequences and targets of KL(p_base ‖ p) of the distributions over the visual
  /// vocabulary, given the tokens before the target; scalar float32. Needs neither targets nor
  /// weights.
  Tensor loss(const TokenPredictionBatch& batch) const;

 private:
  models::GlmImageForConditionalGeneration model_;
  TokenPrediction prediction_;
};

/// Prior preservation of the transformer.
class VelocityPreservation {
 public:
  VelocityPreservation(models::GlmImageTransformer2DModel transformer,
                       models::T5EncoderModel glyph_encoder,
                       FlowMatchingOptions options = {});

  /// Mean of (v_base(z, σ) − v(z, σ))², z = (1 − σ)·x + σ·ε; scalar float32. Needs no weights.
  /// `base_conditions` takes the place of `batch.conditions` for the base.
  Tensor loss(const FlowMatchingBatch& batch,
              const models::ConditionCache* base_conditions = nullptr) const;

 private:
  models::GlmImageTransformer2DModel transformer_;
  FlowMatching flow_matching_;
};

}  // namespace glm_image::train
