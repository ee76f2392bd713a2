#include "models/generator/config.h"

#include <algorithm>
#include <cmath>

#include "models/config_limits.h"

namespace glm_image::models {
namespace {

/// transformers 5 writes rope_parameters, earlier versions rope_scaling.
io::JsonFields rope_parameters(const io::JsonFields& text_config) {
  const bool is_old = !text_config.has("rope_parameters") && text_config.has("rope_scaling");
  return text_config.object_or_empty(is_old ? "rope_scaling" : "rope_parameters");
}

}  // namespace

GeneratorConfig GeneratorConfig::from_json(const io::JsonFields& text_config) {
  GeneratorConfig config;
  config.vocab_size = text_config.optional_int64("vocab_size", 168064, 1, kMaxVocabulary);
  config.vision_vocab_size =
      text_config.optional_int64("vision_vocab_size", 16512, 1, config.vocab_size);
  config.hidden_size = text_config.optional_int64("hidden_size", 4096, 1, kMaxWidth);
  config.intermediate_size = text_config.optional_int64("intermediate_size", 13696, 1, kMaxWidth);
  config.num_hidden_layers = text_config.optional_int64("num_hidden_layers", 40, 1, kMaxLayers);
  config.num_attention_heads = text_config.optional_int64("num_attention_heads", 32, 1, kMaxHeads);
  config.num_key_value_heads = text_config.optional_int64(
      "num_key_value_heads",
      text_config.json().contains("num_key_value_heads") ? config.num_attention_heads : 2,
      1,
      config.num_attention_heads);
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    text_config.refuse("num_key_value_heads", "a divisor of num_attention_heads");
  }
  config.head_dim = text_config.optional_int64(
      "head_dim",
      std::max<int64_t>(1, config.hidden_size / config.num_attention_heads),
      1,
      kMaxWidth);
  config.max_position_embeddings =
      text_config.optional_int64("max_position_embeddings", 32768, 1, int64_t{1} << 24);
  config.attention_bias = text_config.optional_bool("attention_bias", true);
  config.rms_norm_eps = text_config.optional_double("rms_norm_eps", 1e-5, 0, 1);
  text_config.supports_only("hidden_act", "silu");

  const auto rope = rope_parameters(text_config);
  rope.supports_only("rope_type", "default");
  const auto rope_number = [&](const char* name, double fallback, double min, double max) {
    // Older versions write these outside the rope parameters.
    return (rope.has(name) ? rope : text_config).optional_double(name, fallback, min, max);
  };
  config.rope_theta = rope_number("rope_theta", 10000, 1, 1e12);
  const double factor = rope_number("partial_rotary_factor", 1, 0, 1);
  config.rotary_dim = static_cast<int64_t>(static_cast<double>(config.head_dim) * factor);
  const auto sections = rope.optional_int64_list("mrope_section", {8, 12, 12}, 0, kMaxWidth);
  if (sections.size() != 3 || 2 * (sections[0] + sections[1] + sections[2]) != config.rotary_dim) {
    rope.refuse("mrope_section",
                concat("three sizes that add up to ",
                       config.rotary_dim / 2,
                       ", half of the rotated dimensions"));
  }
  std::copy(sections.begin(), sections.end(), config.mrope_section.begin());
  return config;
}

}  // namespace glm_image::models
