#include "models/transformer/config.h"

#include "models/config_limits.h"

namespace glm_image::models {

TransformerConfig TransformerConfig::from_json(const io::JsonFields& json) {
  TransformerConfig config;
  config.num_layers = json.optional_int64("num_layers", 30, 1, kMaxLayers);
  config.num_attention_heads = json.optional_int64("num_attention_heads", 64, 1, kMaxHeads);
  config.attention_head_dim = json.optional_int64("attention_head_dim", 40, 4, 4096);
  if (config.attention_head_dim % 4 != 0) {
    json.refuse("attention_head_dim", "a multiple of 4 (rotary pairs for rows and columns)");
  }
  config.in_channels = json.optional_int64("in_channels", 16, 1, 4096);
  config.out_channels = json.optional_int64("out_channels", 16, 1, 4096);
  if (config.out_channels != config.in_channels) {
    json.refuse("out_channels", concat(config.in_channels, ", the number of in_channels"));
  }
  config.patch_size = json.optional_int64("patch_size", 2, 1, 64);
  config.text_embed_dim = json.optional_int64("text_embed_dim", 1472, 1, kMaxWidth);
  config.time_embed_dim = json.optional_int64("time_embed_dim", 512, 2, kMaxWidth);
  config.condition_dim = json.optional_int64("condition_dim", 256, 2, kMaxWidth);
  if (config.time_embed_dim % 2 != 0) json.refuse("time_embed_dim", "even (sines and cosines)");
  if (config.condition_dim % 2 != 0) json.refuse("condition_dim", "even (sines and cosines)");
  config.prior_vq_quantizer_codebook_size =
      json.optional_int64("prior_vq_quantizer_codebook_size", 16384, 1, kMaxVocabulary);
  // Absent from the published config; the reference's pipeline then uses 128 (1024 pixels).
  config.sample_size = json.optional_int64("sample_size", 128, 1, 4096);
  return config;
}

}  // namespace glm_image::models
