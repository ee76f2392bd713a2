#include "pipeline/decoding.h"

namespace glm_image::pipeline {
namespace {

text::RotaryPositions position_at(const text::RotaryPositions& all, int64_t i) {
  return {{all.temporal[i]}, {all.height[i]}, {all.width[i]}};
}

int64_t sample(const Tensor& logits,
               int64_t codes,
               const models::SamplingOptions& sampling,
               at::Generator& random) {
  const auto probabilities = models::token_probabilities(logits, sampling);
  const int64_t token = models::sample_token(probabilities, random);
  return token < codes ? token : models::sample_code(probabilities, logits, codes, random);
}

}  // namespace

Decoding::Decoding(models::GlmImageForConditionalGeneration model,
                   int64_t sequences,
                   int64_t capacity,
                   const at::TensorOptions& options,
                   models::GeneratorShare* share)
    : device_(options.device()),
      model_(std::move(model)),
      share_(share),
      cache_(model_->language_model->config().num_hidden_layers,
             sequences,
             capacity,
             model_->language_model->key_value_heads(),
             model_->language_model->config().head_dim,
             options) {}

Tensor Decoding::append(const Tensor& ids, const text::RotaryPositions& positions) {
  const auto rows = at::stack({torch::tensor(positions.temporal),
                               torch::tensor(positions.height),
                               torch::tensor(positions.width)})
                        .unsqueeze(1)
                        .expand({3, ids.size(0), ids.size(1)});
  const auto hidden =
      model_->language_model->forward(ids.to(device_), rows.to(device_), &cache_, share_);
  return model_->logits(hidden.select(1, ids.size(1) - 1), share_).to(at::kCPU);
}

Tensor Decoding::read(const std::vector<int64_t>& ids, const text::RotaryPositions& positions) {
  return append(torch::tensor(ids).unsqueeze(0), positions).squeeze(0);
}

std::vector<std::vector<int64_t>> Decoding::draw(const Tensor& logits,
                                                 const text::RotaryPositions& grids,
                                                 int64_t codes,
                                                 const models::SamplingOptions& sampling,
                                                 std::vector<at::Generator> random,
                                                 const AfterToken& after_token) {
  const auto count = static_cast<int64_t>(grids.temporal.size()) - 1;
  const auto sequences = static_cast<int64_t>(random.size());
  std::vector<std::vector<int64_t>> drawn(sequences);
  const bool samples = share_ == nullptr || share_->shard().rank == 0;
  auto next_logits = logits.unsqueeze(0).expand({sequences, -1});
  for (int64_t i = 0; i < count; ++i) {
    auto tokens = at::zeros({sequences, 1}, at::kLong);
    for (int64_t s = 0; samples && s < sequences; ++s) {
      tokens[s][0] = sample(next_logits[s], codes, sampling, random[s]);
    }
    if (share_ != nullptr) share_->broadcast(tokens);
    for (int64_t s = 0; s < sequences; ++s) drawn[s].push_back(tokens[s][0].item<int64_t>());
    const bool is_last = i + 1 == count;
    if (!is_last) next_logits = append(tokens, position_at(grids, i));
    if (!after_token) continue;
    for (int64_t s = 0; s < sequences; ++s) {
      after_token(s, drawn[s], is_last ? Tensor() : next_logits[s]);
    }
  }
  return drawn;
}

}  // namespace glm_image::pipeline
