// A missing key of a config has the default of the transformers or diffusers class that reads it.
// The expected values are from the documentation of these classes.

#include "diffusion/flow_match.h"
#include "models/autoencoder/config.h"
#include "models/generator/generation_model.h"
#include "models/generator/token_sampler.h"
#include "models/glyph_encoder/t5_encoder.h"
#include "models/transformer/config.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

io::JsonFields fields(const nlohmann::json& object) {
  return io::JsonFields(object, "config.json");
}

/// GlmImageTextConfig has no suitable default for rope_parameters.
const nlohmann::json kRope = {{"partial_rotary_factor", 0.5}};

TEST(ConfigDefaults, Generator) {
  const auto config = models::VisionLanguageConfig::from_json(
      fields({{"text_config", {{"rope_parameters", kRope}}}}));
  const auto& text = config.text;
  EXPECT_EQ(text.vocab_size, 168064);
  EXPECT_EQ(text.vision_vocab_size, 16512);
  EXPECT_EQ(text.hidden_size, 4096);
  EXPECT_EQ(text.intermediate_size, 13696);
  EXPECT_EQ(text.num_hidden_layers, 40);
  EXPECT_EQ(text.num_attention_heads, 32);
  EXPECT_EQ(text.num_key_value_heads, 2);
  EXPECT_EQ(text.head_dim, 128);
  EXPECT_EQ(text.max_position_embeddings, 32768);
  EXPECT_TRUE(text.attention_bias);
  EXPECT_DOUBLE_EQ(text.rms_norm_eps, 1e-5);
  EXPECT_DOUBLE_EQ(text.rope_theta, 10000);
  EXPECT_EQ(text.rotary_dim, 64);
  EXPECT_EQ(text.mrope_section, (std::array<int64_t, 3>{8, 12, 12}));
  EXPECT_EQ(config.image_token_id, 167855);
  EXPECT_EQ(config.image_start_token_id, 16384);
  EXPECT_EQ(config.image_end_token_id, 16385);
}

TEST(ConfigDefaults, GeneratorKeyValueHeadsOfNullAreAllHeads) {
  const auto config = models::GeneratorConfig::from_json(
      fields({{"num_key_value_heads", nullptr}, {"rope_parameters", kRope}}));
  EXPECT_EQ(config.num_key_value_heads, 32);
}

TEST(ConfigDefaults, RotaryParametersOfOlderFiles) {
  const auto config = models::GeneratorConfig::from_json(
      fields({{"rope_scaling", {{"type", "default"}, {"mrope_section", {16, 24, 24}}}},
              {"rope_theta", 5000},
              {"partial_rotary_factor", 1.0}}));
  EXPECT_DOUBLE_EQ(config.rope_theta, 5000);
  EXPECT_EQ(config.rotary_dim, 128);
  EXPECT_EQ(config.mrope_section, (std::array<int64_t, 3>{16, 24, 24}));
}

TEST(ConfigDefaults, VisionEncoderAndCodebook) {
  const auto vision = models::VisionConfig::from_json(fields(nlohmann::json::object()));
  EXPECT_EQ(vision.depth, 40);
  EXPECT_EQ(vision.hidden_size, 1536);
  EXPECT_EQ(vision.intermediate_size, 6144);
  EXPECT_EQ(vision.num_heads, 16);
  EXPECT_EQ(vision.patch_size, 16);
  EXPECT_EQ(vision.position_side, 2048 / 16);
  EXPECT_TRUE(vision.attention_bias);
  EXPECT_DOUBLE_EQ(vision.layer_norm_eps, 1e-6);
  const auto vq = models::VqConfig::from_json(fields(nlohmann::json::object()));
  EXPECT_EQ(vq.num_embeddings, 16384);
  EXPECT_EQ(vq.embed_dim, 2048);
  EXPECT_EQ(vq.latent_channels, 1536);
}

TEST(ConfigDefaults, Transformer) {
  const auto config = models::TransformerConfig::from_json(fields(nlohmann::json::object()));
  EXPECT_EQ(config.num_layers, 30);
  EXPECT_EQ(config.num_attention_heads, 64);
  EXPECT_EQ(config.attention_head_dim, 40);
  EXPECT_EQ(config.in_channels, 16);
  EXPECT_EQ(config.out_channels, 16);
  EXPECT_EQ(config.patch_size, 2);
  EXPECT_EQ(config.text_embed_dim, 1472);
  EXPECT_EQ(config.time_embed_dim, 512);
  EXPECT_EQ(config.condition_dim, 256);
  EXPECT_EQ(config.prior_vq_quantizer_codebook_size, 16384);
  // The class has its own default, which is not in_channels.
  expect_error(ErrorCode::kCorruptFile, {"out_channels", "8", "found nothing"}, [] {
    models::TransformerConfig::from_json(fields({{"in_channels", 8}}));
  });
}

TEST(ConfigDefaults, Autoencoder) {
  const nlohmann::json statistics = {{"latents_mean", {0, 0, 0, 0}}, {"latents_std", {1, 1, 1, 1}}};
  const auto config = models::AutoencoderConfig::from_json(fields(statistics));
  EXPECT_EQ(config.in_channels, 3);
  EXPECT_EQ(config.out_channels, 3);
  EXPECT_EQ(config.latent_channels, 4);
  EXPECT_EQ(config.block_out_channels, (std::vector<int64_t>{64}));
  EXPECT_EQ(config.layers_per_block, 1);
  EXPECT_EQ(config.norm_num_groups, 32);
  EXPECT_TRUE(config.mid_block_add_attention);
  EXPECT_TRUE(config.use_quant_conv);
  EXPECT_TRUE(config.use_post_quant_conv);
  expect_error(ErrorCode::kCorruptFile, {"latents_mean", "found nothing"}, [] {
    models::AutoencoderConfig::from_json(fields(nlohmann::json::object()));
  });
  auto other = statistics;
  other["down_block_types"] = {"AttnDownEncoderBlock2D"};
  expect_error(ErrorCode::kUnsupported, {"down_block_types", "DownEncoderBlock2D"}, [&] {
    models::AutoencoderConfig::from_json(fields(other));
  });
}

TEST(ConfigDefaults, GlyphEncoder) {
  const auto config = models::T5Config::from_json(fields({{"feed_forward_proj", "gated-gelu"}}));
  EXPECT_EQ(config.vocab_size, 32128);
  EXPECT_EQ(config.d_model, 512);
  EXPECT_EQ(config.d_kv, 64);
  EXPECT_EQ(config.d_ff, 2048);
  EXPECT_EQ(config.num_layers, 6);
  EXPECT_EQ(config.num_heads, 8);
  EXPECT_EQ(config.relative_attention_num_buckets, 32);
  EXPECT_EQ(config.relative_attention_max_distance, 128);
  EXPECT_DOUBLE_EQ(config.layer_norm_epsilon, 1e-6);
  EXPECT_EQ(config.pad_token_id, 0);
  EXPECT_EQ(config.eos_token_id, 1);
}

/// T5's default is "relu", which is another network.
TEST(ConfigDefaults, GlyphEncoderFeedForwardIsNotAssumed) {
  expect_error(ErrorCode::kUnsupported, {"feed_forward_proj", "gated-gelu", "found nothing"}, [] {
    models::T5Config::from_json(fields(nlohmann::json::object()));
  });
  EXPECT_NO_THROW(
      models::T5Config::from_json(fields({{"is_gated_act", true}, {"dense_act_fn", "gelu_new"}})));
}

TEST(ConfigDefaults, Scheduler) {
  const auto config = diffusion::FlowMatchConfig::from_json(
      fields({{"use_dynamic_shifting", true}, {"time_shift_type", "linear"}}));
  EXPECT_EQ(config.num_train_timesteps, 1000);
  EXPECT_EQ(config.base_image_seq_len, 256);
  EXPECT_DOUBLE_EQ(config.base_shift, 0.5);
  EXPECT_DOUBLE_EQ(config.max_shift, 1.15);
}

/// The class's defaults describe another schedule.
TEST(ConfigDefaults, SchedulerShiftingIsNotAssumed) {
  expect_error(ErrorCode::kUnsupported, {"use_dynamic_shifting", "found nothing"}, [] {
    diffusion::FlowMatchConfig::from_json(fields({{"time_shift_type", "linear"}}));
  });
  expect_error(ErrorCode::kUnsupported, {"time_shift_type", "linear", "found nothing"}, [] {
    diffusion::FlowMatchConfig::from_json(fields({{"use_dynamic_shifting", true}}));
  });
}

TEST(ConfigDefaults, Sampling) {
  const auto sampling = models::SamplingOptions::from_json(fields(nlohmann::json::object()));
  EXPECT_DOUBLE_EQ(sampling.temperature, 1.0);
  EXPECT_DOUBLE_EQ(sampling.top_p, 1.0);
  EXPECT_EQ(sampling.top_k, 50);
}

/// An invalid value of an existing key is an error.
TEST(ConfigDefaults, WrongValuesAreRefused) {
  expect_error(ErrorCode::kCorruptFile, {"attention_bias", "\"yes\""}, [] {
    models::GeneratorConfig::from_json(
        fields({{"attention_bias", "yes"}, {"rope_parameters", kRope}}));
  });
  expect_error(ErrorCode::kCorruptFile, {"text_config", "an object"}, [] {
    models::VisionLanguageConfig::from_json(fields({{"text_config", 3}}));
  });
}

}  // namespace
}  // namespace glm_image::test
