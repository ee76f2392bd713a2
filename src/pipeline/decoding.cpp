#include "pipeline/decoding.h"

namespace glm_image::pipeline {
namespace {

text::RotaryPositions position_at(const text::RotaryPositions& all, int64_t i) {
  return {{all.temporal[i]}, {all.height[i]}, {all.width[i]}};
}

}  // namespace

Decoding::Decoding(models::GlmImageForConditionalGeneration model,
                   int64_t capacity,
                   const at::TensorOptions& options)
    : device_(options.device()),
      model_(std::move(model)),
      cache_(model_->language_model->config().num_hidden_layers,
             /*batch=*/1,
             capacity,
             model_->language_model->config().num_key_value_heads,
             model_->language_model->config().head_dim,
             options) {}

Tensor Decoding::read(const std::vector<int64_t>& ids, const text::RotaryPositions& positions) {
  const auto count = static_cast<int64_t>(ids.size());
  const auto rows = at::stack({torch::tensor(positions.temporal),
                               torch::tensor(positions.height),
                               torch::tensor(positions.width)});
  const auto hidden = model_->language_model->forward(
      torch::tensor(ids).unsqueeze(0).to(device_), rows.unsqueeze(1).to(device_), &cache_);
  return model_->logits(hidden.select(1, count - 1)).squeeze(0).to(at::kCPU);
}

std::vector<int64_t> Decoding::draw(Tensor logits,
                                    const text::RotaryPositions& grids,
                                    int64_t codes,
                                    const models::SamplingOptions& sampling,
                                    at::Generator& random,
                                    const AfterToken& after_token) {
  const auto count = static_cast<int64_t>(grids.temporal.size()) - 1;
  std::vector<int64_t> drawn;
  for (int64_t i = 0; i < count; ++i) {
    const auto probabilities = models::token_probabilities(logits, sampling);
    int64_t token = models::draw_token(probabilities, random);
    if (token >= codes) token = models::draw_code(probabilities, logits, codes, random);
    drawn.push_back(token);
    logits = i + 1 < count ? read({token}, position_at(grids, i)) : Tensor();
    if (after_token) after_token(drawn, logits);
  }
  return drawn;
}

}  // namespace glm_image::pipeline
