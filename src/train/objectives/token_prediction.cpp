#include "train/objectives/token_prediction.h"

#include <algorithm>
#include <utility>

#include "nn/recompute.h"

namespace glm_image::train {

Tensor at_slots(const Tensor& states, const Tensor& slots) {
  return states.gather(1, slots.unsqueeze(2).expand({-1, -1, states.size(2)}));
}

TokenPrediction::TokenPrediction(models::GlmImageForConditionalGeneration model,
                                 TokenPredictionOptions options)
    : model_(std::move(model)), options_(std::move(options)) {}

TokenPredictionResult TokenPrediction::loss(const TokenPredictionBatch& batch) const {
  return loss(batch, hidden_states(batch));
}

TokenStates TokenPrediction::hidden_states(const TokenPredictionBatch& batch) const {
  const auto& language = model_->language_model;
  auto ends = options_.taps;
  ends.push_back(language->config().num_hidden_layers);
  std::sort(ends.begin(), ends.end());
  TokenStates states;
  auto x = language->embed(batch.ids);
  int64_t done = 0;
  for (const int64_t end : ends) {
    const int64_t at_once = options_.recompute_layers ? 1 : end - done;
    for (; done < end; done += at_once) {
      const auto layers = [language, positions = batch.positions, done, at_once](const Tensor& in) {
        return language->through_layers(in, positions, /*cache=*/nullptr, done, done + at_once);
      };
      x = options_.recompute_layers ? nn::recompute(layers, x) : layers(x);
    }
    states.after[end] = x;
  }
  states.last = at_slots(language->normed(x), batch.slots);
  return states;
}

TokenPredictionResult TokenPrediction::loss(const TokenPredictionBatch& batch,
                                            const TokenStates& states) const {
  const auto logits = model_->logits(states.last);
  const auto losses = at::cross_entropy_loss(logits.flatten(0, 1),
                                             batch.targets.flatten(),
                                             /*weight=*/{},
                                             at::Reduction::None)
                          .view_as(batch.targets);
  const auto& weights = batch.weights;
  const auto of_sequences =
      weights.defined() ? (losses * weights).sum(1) / weights.sum(1) : losses.mean(1);
  return {of_sequences.mean(), losses, logits};
}

}  // namespace glm_image::train
