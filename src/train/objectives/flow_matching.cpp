#include "train/objectives/flow_matching.h"

#include <utility>

namespace glm_image::train {

FlowMatching::FlowMatching(models::GlmImageTransformer2DModel transformer,
                           models::T5EncoderModel glyph_encoder,
                           FlowMatchingOptions options)
    : transformer_(std::move(transformer)),
      glyph_encoder_(std::move(glyph_encoder)),
      options_(options) {}

FlowMatchingResult FlowMatching::loss(const FlowMatchingBatch& batch) const {
  auto result = predict(batch);
  const auto error = (result.velocity - (batch.noise - batch.clean)).square();
  result.loss = batch.weights.defined() ? (error * batch.weights).mean() / batch.weights.mean()
                                        : error.mean();
  result.error = error.detach();
  return result;
}

FlowMatchingResult FlowMatching::predict(const FlowMatchingBatch& batch) const {
  FlowMatchingResult result;
  const int64_t repeats = batch.clean.size(0) / batch.glyphs.seen.size(0);
  result.glyph_tokens = encode_glyphs(glyph_encoder_, batch.glyphs).repeat({repeats, 1, 1});
  result.glyph_seen = batch.glyphs.seen.repeat({repeats, 1});

  models::TransformerInput input;
  input.latents = diffusion::noised(batch.clean, batch.noise, batch.sigma.view({-1, 1, 1, 1}));
  input.timestep = batch.timestep;
  input.prior_ids = batch.prior_ids;
  input.prior_drop = batch.drop;
  input.target_size = batch.sizes;
  input.crop = batch.crop;
  input.glyphs = result.glyph_tokens;
  if (batch.conditions == nullptr) input.glyph_mask = result.glyph_seen;
  input.read = batch.conditions;
  if (options_.keep_blocks) input.block_outputs = &result.blocks;
  input.recompute_blocks = options_.recompute_blocks;
  result.velocity = transformer_->forward(input).to(at::kFloat);
  return result;
}

}  // namespace glm_image::train
