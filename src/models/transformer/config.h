#pragma once

#include <cstdint>

#include "io/json_file.h"

namespace glm_image::models {

/// transformer/config.json: the DiT decoder. A key that the file leaves out has the default of
/// diffusers' GlmImageTransformer2DModel.
struct TransformerConfig {
  int64_t num_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t attention_head_dim = 0;
  int64_t in_channels = 0;
  int64_t out_channels = 0;
  int64_t patch_size = 0;
  int64_t text_embed_dim = 0;
  int64_t time_embed_dim = 0;
  int64_t condition_dim = 0;
  int64_t prior_vq_quantizer_codebook_size = 0;
  int64_t sample_size = 0;  ///< side of the default picture, in latent cells

  int64_t hidden_size() const { return num_attention_heads * attention_head_dim; }
  /// Side of a latent patch in pixels. `scale_factor`: AutoencoderConfig::scale_factor().
  int64_t patch_pixels(int64_t scale_factor) const { return scale_factor * patch_size; }

  static TransformerConfig from_json(const io::JsonFields& config);
};

}  // namespace glm_image::models
