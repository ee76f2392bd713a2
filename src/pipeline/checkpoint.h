#pragma once

#include <filesystem>
#include <functional>
#include <map>
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
#include "models/layout.h"
#include "models/transformer/transformer_model.h"
#include "pipeline/adapter_set.h"
#include "pipeline/image_settings.h"
#include "pipeline/placement.h"
#include "pipeline/weight_plan.h"
#include "text/bpe_tokenizer.h"
#include "text/byte_tokenizer.h"
#include "text/prompt_template.h"

namespace glm_image::pipeline {

using models::kTextEncoder;
using models::kTransformer;
using models::kVae;
using models::kVisionLanguage;

/// Whether a parameter of the generator's component belongs to the vision encoder or the codebook.
bool is_of_vision(const std::string& parameter);

/// Modules that the caller has loaded, possibly with updates in training. A request uses them
/// unchanged, without its adapters.
struct LoadedModules {
  models::GlmImageForConditionalGeneration generator{nullptr};
  models::GlmImageTransformer2DModel transformer{nullptr};
  int64_t bytes = 0;  ///< memory of the modules and everything else of the caller
};

/// The modules that stay in memory between requests after their first use.
struct ResidentModules {
  std::optional<models::GlmImageForConditionalGeneration> generator;
  bool generator_has_vision = false;
  models::GeneratorShard generator_shard;
  std::optional<models::GlmImageForConditionalGeneration> vision;  ///< alone
  std::optional<models::T5EncoderModel> glyph_encoder;
  std::optional<models::GlmImageTransformer2DModel> transformer;
  std::optional<models::AutoencoderKL> autoencoder;
};

/// A checkpoint folder in the published layout. open() reads and checks its settings; the load
/// functions read its weights.
///
/// Copies share the resident modules. Only one thread at a time may call the load functions and
/// unload.
class Checkpoint {
 public:
  /// Reads every config and every weight file's header, and checks all tensors against the configs.
  /// `given` is resolved by checkpoint_folder. Throws Error as Pipeline::load does.
  static Checkpoint open(const std::filesystem::path& given, const PipelineOptions& options);

  using ReadProgress = std::function<void(uint64_t done, uint64_t total)>;
  using Adapters = std::vector<AdapterUse>;
  /// Each returns a module with its weights bound, or with weights that stream while it runs, as
  /// `plan` says. A module that stays in memory is read only once, and is released if the plan
  /// leaves no room for it. `with_vision` adds the vision encoder and the codebook, which condition
  /// pictures need. `adapters` act until the next load of the module; they must be those of a
  /// resolved request. Of a shard of the generator, only its share of the weights is bound: it
  /// stays in memory where the whole would not fit. Throws as shard_cuts does.
  models::GlmImageForConditionalGeneration load_generator(
      bool with_vision,
      const Adapters& adapters,
      const ReadProgress& progress,
      const LoadPlan& plan = {},
      const models::GeneratorShard& shard = {}) const;
  /// The vision encoder and the codebook alone; the language model may have no storage.
  models::GlmImageForConditionalGeneration load_vision(const ReadProgress& progress,
                                                       const LoadPlan& plan = {}) const;
  models::T5EncoderModel load_glyph_encoder(const ReadProgress& progress,
                                            const LoadPlan& plan = {}) const;
  models::GlmImageTransformer2DModel load_transformer(const Adapters& adapters,
                                                      const ReadProgress& progress,
                                                      const LoadPlan& plan = {}) const;
  models::AutoencoderKL load_autoencoder(const ReadProgress& progress,
                                         const LoadPlan& plan = {}) const;

  /// Bytes of a component's weights. Those of the generator are with vision encoder and codebook.
  const ComponentBytes& weight_bytes(const std::string& component) const;
  const ComponentBytes& generator_bytes(bool with_vision) const;
  /// Bytes of a shard's weights; its vision encoder and codebook are whole. Reads the headers of
  /// the weight files.
  ComponentBytes shard_bytes(bool with_vision, const models::GeneratorShard& shard) const;
  /// Bytes of the vision encoder and the codebook alone.
  const ComponentBytes& vision_bytes() const { return vision_bytes_; }
  /// Bytes that the process may have: PipelineOptions::max_memory_bytes, else what the machine can
  /// give now. 0 if neither is known, and on other devices than the CPU.
  int64_t allowed_memory() const;
  bool memory_is_limited_by_option() const { return max_memory_bytes_ > 0; }

  /// Releases all modules that stay in memory.
  void unload() const { *resident_ = ResidentModules(); }

  /// Returns the settings for condition pictures. Throws kNotFound if the checkpoint has none,
  /// which text-to-image does not need.
  const ImageSettings& image_settings() const;

  const ModelInfo& info() const { return info_; }
  const Placement& placement() const { return placement_; }
  const AdapterSet& adapter_set() const { return adapters_; }
  /// The layers that adapters of this model may change.
  adapters::AdapterTargets adapter_targets() const;

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
    return text::kTokenSide / transformer.patch_pixels(autoencoder.scale_factor());
  }

 private:
  void read_image_settings();
  void check_agreement() const;
  void check_weights(bool strict);
  void open_adapters(const PipelineOptions& options);
  void choose_residency(const PipelineOptions& options);
  void make_room(const std::string& component, const LoadPlan& plan) const;
  io::WeightSet weights(const std::string& component) const;
  /// The tensors of a component that may be unexpected or missing without a warning or an error.
  static io::BindingOptions tolerances(const std::string& component);
  io::BindingOptions binding(const std::string& component,
                             at::ScalarType dtype,
                             const ReadProgress& progress) const;
  bool stays(const std::string& component, const LoadPlan& plan) const;

  std::shared_ptr<ResidentModules> resident_ = std::make_shared<ResidentModules>();
  ModelInfo info_;
  Placement placement_;
  AdapterSet adapters_;
  int64_t max_memory_bytes_ = 0;
  Residency residency_ = Residency::kAuto;
  std::map<std::string, ComponentBytes> bytes_;
  ComponentBytes bytes_without_vision_, vision_bytes_;
  std::variant<ImageSettings, Error> image_settings_;
};

}  // namespace glm_image::pipeline
