#pragma once

#include "models/generator/language_model.h"
#include "models/vision/vision_model.h"
#include "models/vision/vq_model.h"

namespace glm_image::models {

/// Prefixes of the names of the vision encoder's and the codebook's parameters.
inline constexpr const char* kVisualPrefix = "model.visual.";
inline constexpr const char* kVqPrefix = "model.vqmodel.";
/// The table of token embeddings, of which a run looks up a few rows.
inline constexpr const char* kTokenTable = "model.language_model.embed_tokens.weight";

/// vision_language_encoder/config.json as a whole, with the defaults of transformers'
/// GlmImageConfig.
struct VisionLanguageConfig {
  GeneratorConfig text;
  VisionConfig vision;
  VqConfig vq;
  int64_t image_start_token_id = 0;
  int64_t image_end_token_id = 0;
  int64_t image_token_id = 0;  ///< the placeholder that VQ ids of condition images replace

  static VisionLanguageConfig from_json(const io::JsonFields& config);
};

/// The component vision_language_encoder: generator, vision encoder and codebook under the
/// checkpoint's names.
struct GlmImageForConditionalGenerationImpl : torch::nn::Module {
  GlmImageForConditionalGenerationImpl(const VisionLanguageConfig& config,
                                       const at::TensorOptions& options,
                                       const GeneratorShard& shard = {});

  /// Logits over the visual vocabulary, [..., vision_vocab], float32. A shard needs its `share`,
  /// and takes hidden states [N, hidden].
  Tensor logits(const Tensor& hidden, GeneratorShare* share = nullptr) const;

  GlmImageTextModel language_model{nullptr};
  GlmImageVisionModel visual{nullptr};
  GlmImageVQModel vqmodel{nullptr};

 private:
  nn::Linear lm_head{nullptr};
};
TORCH_MODULE(GlmImageForConditionalGeneration);

}  // namespace glm_image::models
