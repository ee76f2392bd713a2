#include "models/generator/generation_model.h"

namespace glm_image::models {

VisionLanguageConfig VisionLanguageConfig::from_json(const io::JsonFields& json) {
  VisionLanguageConfig config;
  config.text = GeneratorConfig::from_json(json.object_or_empty("text_config"));
  config.vision = VisionConfig::from_json(json.object_or_empty("vision_config"));
  config.vq = VqConfig::from_json(json.object_or_empty("vq_config"));
  json.supports_only("tie_word_embeddings", false);
  const int64_t last_id = config.text.vocab_size - 1;
  config.image_start_token_id = json.optional_int64("image_start_token_id", 16384, 0, last_id);
  config.image_end_token_id = json.optional_int64("image_end_token_id", 16385, 0, last_id);
  config.image_token_id = json.optional_int64("image_token_id", 167855, 0, last_id);
  if (config.vq.num_embeddings > config.text.vision_vocab_size) {
    json.refuse(
        "vq_config.num_embeddings",
        concat("at most text_config.vision_vocab_size (", config.text.vision_vocab_size, ")"));
  }
  if (config.vq.latent_channels != config.vision.hidden_size) {
    json.refuse("vq_config.latent_channels",
                concat("the vision encoder's hidden_size (", config.vision.hidden_size, ")"));
  }
  return config;
}

GlmImageForConditionalGenerationImpl::GlmImageForConditionalGenerationImpl(
    const VisionLanguageConfig& config,
    const at::TensorOptions& options,
    const GeneratorShard& shard) {
  const auto model = register_module("model", std::make_shared<torch::nn::Module>());
  language_model =
      model->register_module("language_model", GlmImageTextModel(config.text, options, shard));
  visual = model->register_module("visual", GlmImageVisionModel(config.vision, options));
  vqmodel = model->register_module("vqmodel", GlmImageVQModel(config.vq, options));
  lm_head = register_module("lm_head",
                            nn::Linear(config.text.hidden_size,
                                       shard_ranges(config.text, shard).vocabulary.count,
                                       options,
                                       /*with_bias=*/false));
}

Tensor GlmImageForConditionalGenerationImpl::logits(const Tensor& hidden,
                                                    GeneratorShare* share) const {
  auto own = lm_head->forward(hidden).to(at::kFloat);
  if (share == nullptr) return own;
  return share->gather(own, language_model->config().vision_vocab_size);
}

}  // namespace glm_image::models
