#include "models/vision/config.h"

#include "models/config_limits.h"

namespace glm_image::models {

VisionConfig VisionConfig::from_json(const io::JsonFields& vision_config) {
  VisionConfig config;
  config.depth = vision_config.optional_int64("depth", 40, 1, kMaxLayers);
  config.hidden_size = vision_config.optional_int64("hidden_size", 1536, 1, kMaxWidth);
  config.intermediate_size = vision_config.optional_int64("intermediate_size", 6144, 1, kMaxWidth);
  config.num_heads = vision_config.optional_int64("num_heads", 16, 1, kMaxHeads);
  if (config.hidden_size % config.num_heads != 0) {
    vision_config.refuse("num_heads", "a divisor of hidden_size");
  }
  config.patch_size = vision_config.optional_int64("patch_size", 16, 1, 256);
  config.in_channels = vision_config.optional_int64("in_channels", 3, 3, 3);
  const int64_t image_size =
      vision_config.optional_int64("image_size", 2048, config.patch_size, 1 << 16);
  config.position_side = image_size / config.patch_size;
  config.attention_bias = vision_config.optional_bool("attention_bias", true);
  config.layer_norm_eps = vision_config.optional_double("layer_norm_eps", 1e-6, 0, 1);
  vision_config.supports_only("hidden_act", "gelu");
  vision_config.supports_only("spatial_merge_size", 1);
  return config;
}

VqConfig VqConfig::from_json(const io::JsonFields& vq_config) {
  VqConfig config;
  config.num_embeddings = vq_config.optional_int64("num_embeddings", 16384, 1, kMaxVocabulary);
  config.embed_dim = vq_config.optional_int64("embed_dim", 2048, 1, kMaxWidth);
  config.latent_channels = vq_config.optional_int64("latent_channels", 1536, 1, kMaxWidth);
  return config;
}

}  // namespace glm_image::models
