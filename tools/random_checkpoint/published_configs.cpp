#include "random_checkpoint/checkpoint_files.h"

namespace glm_image::random_checkpoint {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kModelIndex = R"({
  "_class_name": "GlmImagePipeline",
  "_diffusers_version": "0.37.0.dev0",
  "processor": ["transformers", "GlmImageProcessor"],
  "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
  "text_encoder": ["transformers", "T5EncoderModel"],
  "tokenizer": ["transformers", "ByT5Tokenizer"],
  "transformer": ["diffusers", "GlmImageTransformer2DModel"],
  "vae": ["diffusers", "AutoencoderKL"],
  "vision_language_encoder": ["transformers", "GlmImageForConditionalGeneration"]
})";

constexpr const char* kVisionLanguage = R"({
  "architectures": ["GlmImageForConditionalGeneration"],
  "image_start_token_id": 16384,
  "image_end_token_id": 16385,
  "image_token_id": 167855,
  "model_type": "glm_image",
  "text_config": {
    "attention_dropout": 0.0,
    "eos_token_id": 16385,
    "pad_token_id": 167841,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 13696,
    "max_position_embeddings": 131072,
    "model_type": "glm_image_text",
    "num_attention_heads": 32,
    "num_hidden_layers": 40,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "dtype": "bfloat16",
    "rope_parameters": {
      "rope_theta": 10000,
      "rope_type": "default",
      "mrope_section": [8, 12, 12],
      "partial_rotary_factor": 0.5
    },
    "use_cache": true,
    "vision_vocab_size": 16512,
    "vocab_size": 168064
  },
  "transformers_version": "5.0.0.dev0",
  "vision_config": {
    "attention_bias": true,
    "attention_dropout": 0.0,
    "depth": 40,
    "hidden_act": "gelu",
    "hidden_size": 1536,
    "image_size": 2048,
    "in_channels": 3,
    "intermediate_size": 6144,
    "layer_norm_eps": 1e-06,
    "model_type": "glm_image_vision",
    "num_heads": 16,
    "patch_size": 16
  },
  "vq_config": {
    "embed_dim": 2048,
    "in_channels": 3,
    "initializer_range": 0.02,
    "latent_channels": 1536,
    "model_type": "glm_image_vqmodel",
    "num_embeddings": 16384
  }
})";

constexpr const char* kGeneration = R"({
  "_from_model_config": true,
  "do_sample": true,
  "eos_token_id": 16385,
  "pad_token_id": 167855,
  "top_p": 0.75,
  "temperature": 0.9,
  "top_k": 16512,
  "transformers_version": "5.0.0dev0"
})";

constexpr const char* kImageProcessor = R"({
  "min_pixels": 262144,
  "max_pixels": 4194304,
  "do_rescale": true,
  "do_normalize": true,
  "do_resize": true,
  "patch_size": 16,
  "temporal_patch_size": 1,
  "merge_size": 1,
  "image_mean": [0.5, 0.5, 0.5],
  "image_std": [0.5, 0.5, 0.5],
  "image_processor_type": "GlmImageImageProcessor",
  "processor_class": "GlmImageProcessor",
  "resample": 3,
  "rescale_factor": 0.00392156862745098
})";

constexpr const char* kTextEncoder = R"({
  "architectures": ["T5EncoderModel"],
  "d_ff": 3584,
  "d_kv": 64,
  "d_model": 1472,
  "dense_act_fn": "gelu_new",
  "dropout_rate": 0.1,
  "eos_token_id": 1,
  "feed_forward_proj": "gated-gelu",
  "initializer_factor": 1.0,
  "is_encoder_decoder": false,
  "is_gated_act": true,
  "layer_norm_epsilon": 1e-06,
  "model_type": "t5",
  "num_decoder_layers": 4,
  "num_heads": 6,
  "num_layers": 12,
  "pad_token_id": 0,
  "relative_attention_max_distance": 128,
  "relative_attention_num_buckets": 32,
  "tie_word_embeddings": false,
  "tokenizer_class": "ByT5Tokenizer",
  "use_cache": false,
  "vocab_size": 384
})";

constexpr const char* kTransformer = R"({
  "_class_name": "GlmImageTransformer2DModel",
  "_diffusers_version": "0.37.0.dev0",
  "attention_head_dim": 128,
  "condition_dim": 256,
  "in_channels": 16,
  "num_attention_heads": 32,
  "num_layers": 30,
  "out_channels": 16,
  "patch_size": 2,
  "prior_vq_quantizer_codebook_size": 16384,
  "text_embed_dim": 1472,
  "time_embed_dim": 512
})";

/// The published latent statistics are unknown: these are for random weights.
constexpr const char* kVae = R"({
  "_class_name": "AutoencoderKL",
  "_diffusers_version": "0.37.0.dev0",
  "act_fn": "silu",
  "block_out_channels": [128, 512, 1024, 1024],
  "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
  "force_upcast": true,
  "in_channels": 3,
  "latent_channels": 16,
  "latents_mean": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  "latents_std": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  "layers_per_block": 3,
  "mid_block_add_attention": false,
  "norm_num_groups": 32,
  "out_channels": 3,
  "sample_size": 1024,
  "scaling_factor": 0.18215,
  "shift_factor": null,
  "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
  "use_post_quant_conv": false,
  "use_quant_conv": false
})";

constexpr const char* kScheduler = R"({
  "_class_name": "FlowMatchEulerDiscreteScheduler",
  "_diffusers_version": "0.37.0.dev0",
  "base_image_seq_len": 256,
  "base_shift": 0.25,
  "max_image_seq_len": 4096,
  "max_shift": 0.75,
  "num_train_timesteps": 1000,
  "shift": 1.0,
  "shift_terminal": null,
  "time_shift_type": "linear",
  "use_dynamic_shifting": true
})";

constexpr const char* kTinyChanges = R"({
  "vision_language_encoder/config.json": {
    "image_start_token_id": 64,
    "image_end_token_id": 65,
    "image_token_id": 414,
    "text_config": {
      "eos_token_id": 65,
      "pad_token_id": 400,
      "hidden_size": 128,
      "intermediate_size": 192,
      "max_position_embeddings": 4096,
      "num_attention_heads": 4,
      "num_hidden_layers": 3,
      "rope_parameters": {"mrope_section": [2, 3, 3]},
      "vision_vocab_size": 72,
      "vocab_size": 424
    },
    "vision_config": {
      "depth": 2, "hidden_size": 48, "image_size": 256, "intermediate_size": 96, "num_heads": 3
    },
    "vq_config": {"embed_dim": 24, "latent_channels": 48, "num_embeddings": 64}
  },
  "vision_language_encoder/generation_config.json": {
    "eos_token_id": 65, "pad_token_id": 414, "top_k": 72
  },
  "processor/preprocessor_config.json": {"min_pixels": 4096},
  "text_encoder/config.json": {
    "d_ff": 64, "d_kv": 8, "d_model": 32, "num_heads": 4, "num_layers": 2
  },
  "transformer/config.json": {
    "attention_head_dim": 16,
    "condition_dim": 16,
    "in_channels": 4,
    "num_attention_heads": 4,
    "num_layers": 3,
    "out_channels": 4,
    "prior_vq_quantizer_codebook_size": 64,
    "text_embed_dim": 32,
    "time_embed_dim": 32
  },
  "vae/config.json": {
    "block_out_channels": [8, 16, 16, 16],
    "latent_channels": 4,
    "latents_mean": [0, 0, 0, 0],
    "latents_std": [1, 1, 1, 1],
    "layers_per_block": 2,
    "norm_num_groups": 4
  }
})";

}  // namespace

ConfigFiles published_configs() {
  return {{"model_index.json", Json::parse(kModelIndex)},
          {"vision_language_encoder/config.json", Json::parse(kVisionLanguage)},
          {"vision_language_encoder/generation_config.json", Json::parse(kGeneration)},
          {"processor/preprocessor_config.json", Json::parse(kImageProcessor)},
          {"text_encoder/config.json", Json::parse(kTextEncoder)},
          {"transformer/config.json", Json::parse(kTransformer)},
          {"vae/config.json", Json::parse(kVae)},
          {"scheduler/scheduler_config.json", Json::parse(kScheduler)}};
}

const Json& tiny_changes() {
  static const Json changes = Json::parse(kTinyChanges);
  return changes;
}

}  // namespace glm_image::random_checkpoint
