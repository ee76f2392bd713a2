#pragma once

#include <map>
#include <vector>

#include "models/generator/generation_model.h"

namespace glm_image::train {

/// B sequences of T tokens with N predicted visual tokens each. Padding follows the last token of a
/// sequence; causal attention keeps it from affecting earlier tokens.
struct TokenPredictionBatch {
  Tensor ids;           ///< [B, T] int64, the model's input
  Tensor positions;     ///< [3, B, T] int64: time, height, width
  Tensor slots;         ///< [B, N] int64: the position in the sequence that predicts each target
  Tensor targets;       ///< [B, N] int64 in the visual vocabulary
  Tensor weights = {};  ///< [B, N] float32 loss weights of the targets; undefined: 1
};

struct TokenPredictionOptions {
  /// Numbers of layers after which to keep the hidden states, from 1 to the number of layers.
  std::vector<int64_t> taps;
  /// Evaluate each layer again in the backward pass (nn/recompute.h), which keeps fewer
  /// activations.
  bool recompute_layers = false;
};

/// Hidden states of one pass through the layers.
struct TokenStates {
  std::map<int64_t, Tensor> after;  ///< [B, T, hidden] after n layers, for each tap n
  Tensor last;                      ///< [B, N, hidden] at the slots, after the final norm
};

/// Gathers x [B, T, D] at slots [B, N], as [B, N, D].
Tensor at_slots(const Tensor& states, const Tensor& slots);

struct TokenPredictionResult {
  Tensor loss;    ///< scalar float32: mean over sequences of the weighted mean over targets
  Tensor losses;  ///< [B, N] float32, cross-entropies without weights
  Tensor logits;  ///< [B, N, visual vocabulary] float32
};

/// Prediction of each visual token from the tokens before it, by the generator (as in Chen et al.
/// 2020, "Generative Pretraining from Pixels", section 2.2).
class TokenPrediction {
 public:
  explicit TokenPrediction(models::GlmImageForConditionalGeneration model,
                           TokenPredictionOptions options = {});

  /// loss = mean over sequences of Σ w·(−log p(target | tokens before it)) / Σ w.
  TokenPredictionResult loss(const TokenPredictionBatch& batch) const;

  /// loss(batch) in two parts, for other losses that read the hidden states. The first part runs
  /// the layers and needs neither targets nor weights.
  TokenStates hidden_states(const TokenPredictionBatch& batch) const;
  TokenPredictionResult loss(const TokenPredictionBatch& batch, const TokenStates& states) const;

 private:
  models::GlmImageForConditionalGeneration model_;
  TokenPredictionOptions options_;
};

}  // namespace glm_image::train
