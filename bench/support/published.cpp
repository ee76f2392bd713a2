#include "support/published.h"

namespace glm_image::bench {

models::TransformerConfig published_transformer(int64_t blocks) {
  models::TransformerConfig config;
  config.num_layers = blocks;
  config.num_attention_heads = 32;
  config.attention_head_dim = 128;
  config.in_channels = config.out_channels = 16;
  config.patch_size = 2;
  config.text_embed_dim = 1472;
  config.time_embed_dim = 512;
  config.condition_dim = 256;
  config.prior_vq_quantizer_codebook_size = 16384;
  config.sample_size = 128;
  return config;
}

models::GeneratorConfig published_generator(int64_t layers) {
  models::GeneratorConfig config;
  config.vocab_size = 168064;
  config.vision_vocab_size = 16512;
  config.hidden_size = 4096;
  config.intermediate_size = 13696;
  config.num_hidden_layers = layers;
  config.num_attention_heads = 32;
  config.num_key_value_heads = 2;
  config.head_dim = 128;
  config.max_position_embeddings = 131072;
  config.attention_bias = true;
  config.rms_norm_eps = 1.5625e-7;
  config.rope_theta = 10000;
  config.rotary_dim = 64;
  config.mrope_section = {8, 12, 12};
  return config;
}

}  // namespace glm_image::bench
