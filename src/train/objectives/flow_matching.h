#pragma once

#include <vector>

#include "diffusion/flow_match.h"
#include "models/transformer/transformer_model.h"
#include "train/batch/glyph_batch.h"

namespace glm_image::train {

/// B pictures at `repeats` noise levels each, N = repeats·B examples: all pictures at their first
/// level, then all at their second, and so on. H and W count latent cells.
struct FlowMatchingBatch {
  Tensor clean;         ///< [N, C, H, W] float32, normalised latents
  Tensor noise;         ///< [N, C, H, W] float32, standard normal
  Tensor timestep;      ///< [N] float32, the DiT's input: t − 1, unshifted
  Tensor sigma;         ///< [N] float32, the shifted noise level
  Tensor prior_ids;     ///< [N, patches] int64, one visual token per latent patch
  Tensor drop;          ///< [N] bool: unconditional example, for classifier-free guidance
  Tensor sizes;         ///< [N, 2] float32, height and width of the uncropped picture, in pixels
  Tensor crop;          ///< [N, 2] float32, row and column of the crop's upper left corner in it
  GlyphBatch glyphs;    ///< of the B pictures; an unconditional one has the empty text
  Tensor weights = {};  ///< [N, 1, H, W] float32 loss weights; undefined: 1
  /// Keys and values of the pictures to start from, which one example without glyph padding may
  /// attend to; null without such pictures.
  const models::ConditionCache* conditions = nullptr;
};

struct FlowMatchingOptions {
  bool keep_blocks = false;  ///< return the output of every DiT block
  /// As TransformerInput::recompute_blocks.
  bool recompute_blocks = false;
};

struct FlowMatchingResult {
  Tensor loss;                 ///< scalar float32: weighted mean of the squared error
  Tensor error;                ///< [N, C, H, W] float32, squared, detached
  Tensor velocity;             ///< [N, C, H, W] float32, v(z, σ)
  Tensor glyph_tokens;         ///< [N, tokens, D], outputs of the glyph encoder
  Tensor glyph_seen;           ///< [N, tokens] bool, false on padding
  std::vector<Tensor> blocks;  ///< [N, text + image tokens, D'] each; empty without keep_blocks
};

/// Flow matching (Lipman et al. 2023; Liu et al. 2023) of the DiT and the glyph encoder.
class FlowMatching {
 public:
  FlowMatching(models::GlmImageTransformer2DModel transformer,
               models::T5EncoderModel glyph_encoder,
               FlowMatchingOptions options = {});

  /// loss = mean w·(v(z, σ) − (ε − x))², z = (1 − σ)·x + σ·ε: the DiT predicts the velocity ε − x.
  /// The weights w are divided by their mean.
  FlowMatchingResult loss(const FlowMatchingBatch& batch) const;
  /// The same without the loss and the error.
  FlowMatchingResult predict(const FlowMatchingBatch& batch) const;

 private:
  models::GlmImageTransformer2DModel transformer_;
  models::T5EncoderModel glyph_encoder_;
  FlowMatchingOptions options_;
};

}  // namespace glm_image::train
