#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "diffusion/flow_match.h"
#include "glm_image/pipeline.h"
#include "io/weight_binding.h"
#include "io/weight_set.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/generator/generation_model.h"
#include "models/generator/token_sampler.h"
#include "models/glyph_encoder/t5_encoder.h"
#include "models/transformer/transformer_model.h"
#include "pipeline/image_settings.h"
#include "text/bpe_tokenizer.h"
#include "text/byte_tokenizer.h"
#include "text/prompt_recipe.h"

namespace glm_image::pipeline {

/// Where and in which type models compute.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
};

/// The modules that stay in memory between requests, once they were needed.
struct ResidentModules {
  std::optional<models::GlmImageForConditionalGeneration> generator;
  bool generator_has_vision = false;
  std::optional<models::T5EncoderModel> glyph_encoder;
  std::optional<models::GlmImageTransformer2DModel> transformer;
  std::optional<models::AutoencoderKL> autoencoder;
};

/// A checkpoint folder in the published layout: its settings, read and checked at once, and its
/// weights, read when asked for.
///
/// Copies share the resident modules. The load functions are for one thread at a time.
class Checkpoint {
 public:
  /// Reads every config and every weight file's header, and checks all tensors against the configs.
  /// `given`: as for checkpoint_folder.
  static Checkpoint open(const std::filesystem::path& given, const PipelineOptions& options);

  using ReadProgress = std::function<void(uint64_t done, uint64_t total)>;
  /// Each returns a module with its weights bound; one that stays in memory is read once.
  /// `with_vision`: whether the vision encoder and the codebook are needed, for condition pictures.
  models::GlmImageForConditionalGeneration load_generator(bool with_vision,
                                                          const ReadProgress& progress) const;
  models::T5EncoderModel load_glyph_encoder(const ReadProgress& progress) const;
  models::GlmImageTransformer2DModel load_transformer(const ReadProgress& progress) const;
  models::AutoencoderKL load_autoencoder(const ReadProgress& progress) const;

  /// How condition pictures are prepared. Throws kNotFound where the checkpoint has no such
  /// settings: text to image does without them.
  const ImageSettings& image_settings() const;

  const ModelInfo& info() const { return info_; }
  const Placement& placement() const { return placement_; }

  models::VisionLanguageConfig vision_language;
  models::SamplingOptions sampling;
  models::T5Config glyph_encoder;
  models::TransformerConfig transformer;
  models::AutoencoderConfig autoencoder;
  diffusion::FlowMatchConfig scheduler;
  std::optional<text::BpeTokenizer> tokenizer;
  std::optional<text::ByteTokenizer> byte_tokenizer;
  text::PromptTokens prompt_tokens;

  /// Latent patches along the side of a visual token.
  int64_t patches_per_token() const {
    return text::kPixelsPerToken / (autoencoder.scale_factor() * transformer.patch_size);
  }

 private:
  void read_image_settings();
  void check_agreement() const;
  void check_weights(bool strict);
  io::WeightSet weights(const std::string& component) const;
  io::BindingOptions binding(const std::string& component,
                             at::ScalarType dtype,
                             const ReadProgress& progress) const;
  bool stays(const std::string& component) const;

  std::shared_ptr<ResidentModules> resident_ = std::make_shared<ResidentModules>();
  ModelInfo info_;
  Placement placement_;
  std::variant<ImageSettings, Error> image_settings_;
};

}  // namespace glm_image::pipeline
