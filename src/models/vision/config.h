#pragma once

#include <cstdint>

#include "io/json_file.h"

namespace glm_image::models {

/// The vision_config of vision_language_encoder/config.json. A key that the file leaves out has the
/// default of transformers' GlmImageVisionConfig.
struct VisionConfig {
  int64_t depth = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_heads = 0;
  int64_t patch_size = 0;
  int64_t in_channels = 0;
  int64_t position_side = 0;  ///< S: the position table has S×S rows (image_size / patch_size)
  bool attention_bias = false;
  double layer_norm_eps = 0;

  static VisionConfig from_json(const io::JsonFields& vision_config);
};

/// The vq_config of the same file, with the defaults of GlmImageVQVAEConfig.
struct VqConfig {
  int64_t num_embeddings = 0;   ///< codes
  int64_t embed_dim = 0;        ///< width of a code
  int64_t latent_channels = 0;  ///< width of the vision encoder's output

  static VqConfig from_json(const io::JsonFields& vq_config);
};

}  // namespace glm_image::models
