#pragma once

#include <array>
#include <cstdint>

#include "io/json_file.h"

namespace glm_image::models {

/// The text_config of vision_language_encoder/config.json: the autoregressive generator. A key that
/// the file leaves out has the default of transformers' GlmImageTextConfig.
struct GeneratorConfig {
  int64_t vocab_size = 0;
  int64_t vision_vocab_size = 0;  ///< outputs of lm_head: the visual codes and their markers
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;
  bool attention_bias = false;
  double rms_norm_eps = 0;
  double rope_theta = 0;
  int64_t rotary_dim = 0;                     ///< partial_rotary_factor · head_dim
  std::array<int64_t, 3> mrope_section = {};  ///< frequencies for time, height, width

  static GeneratorConfig from_json(const io::JsonFields& text_config);
};

}  // namespace glm_image::models
