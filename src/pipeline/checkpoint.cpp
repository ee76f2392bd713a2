#include "pipeline/checkpoint.h"

#include <algorithm>
#include <set>

#include "core/device.h"
#include "core/error.h"
#include "io/json_file.h"
#include "io/weight_binding.h"
#include "nn/parameter.h"
#include "pipeline/model_profile.h"
#include "pipeline/residency.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVisionLanguage = "vision_language_encoder";
constexpr const char* kTextEncoder = "text_encoder";
constexpr const char* kTransformer = "transformer";
constexpr const char* kVae = "vae";

/// transformers may write the tied embedding of a T5 encoder a second time, under this name.
const std::vector<std::string> kTiedEmbedding = {"encoder.embed_tokens.weight"};

io::JsonFields component_config(const fs::path& directory, const std::string& component) {
  return io::JsonFields::load(directory / component / "config.json");
}

/// Whether most bytes of these weights are float32.
bool is_stored_wide(const io::WeightSet& weights) {
  uint64_t wide = 0;
  for (const auto& [tensor, location] : weights.tensors()) {
    if (location.entry->type == io::ElementType::kFloat32) {
      wide += location.entry->end - location.entry->begin;
    }
  }
  return 2 * wide > weights.total_bytes();
}

Placement place(const PipelineOptions& options, const io::WeightSet& transformer) {
  if (!options.device_plugin.empty()) load_device_plugin(options.device_plugin);
  Placement placement;
  placement.device = parse_device(options.device);
  switch (options.dtype) {
    case DataType::kFloat32:
      placement.dtype = at::kFloat;
      break;
    case DataType::kBFloat16:
      placement.dtype = at::kBFloat16;
      break;
    case DataType::kAuto: {
      const bool fast_half = !placement.device.is_cpu() || cpu_has_fast_bfloat16();
      placement.dtype = is_stored_wide(transformer) || !fast_half ? at::kFloat : at::kBFloat16;
      break;
    }
  }
  return placement;
}

ComponentInfo describe(const std::string& name,
                       const io::WeightSet& weights,
                       at::ScalarType dtype) {
  std::set<std::string> types;
  for (const auto& [tensor, location] : weights.tensors()) {
    types.emplace(io::element_type_name(location.entry->type));
  }
  ComponentInfo info;
  info.name = name;
  for (const auto& type : types) info.dtype += (info.dtype.empty() ? "" : ", ") + type;
  info.parameters = weights.total_elements();
  info.bytes = static_cast<int64_t>(weights.total_bytes());
  info.memory_bytes = info.parameters * static_cast<int64_t>(c10::elementSize(dtype));
  return info;
}

template <typename Module>
Module load_module(Module module, const io::WeightSet& weights, const io::BindingOptions& options) {
  const torch::NoGradGuard no_grad;
  io::bind_weights(*module, weights, options);
  module->eval();
  return module;
}

/// The module in `slot`, or else the one that `load` returns, which goes there if it stays.
template <typename Module, typename Load>
Module resident_or(std::optional<Module>& slot, bool stays, const Load& load) {
  if (slot) return *slot;
  Module module = load();
  if (stays) slot = module;
  return module;
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& directory, const PipelineOptions& options) {
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    fail(ErrorCode::kNotFound, directory.string(), ": is not a folder with a GLM-Image checkpoint");
  }
  for (const char* component :
       {kVisionLanguage, kTextEncoder, kTransformer, kVae, "scheduler", "processor", "tokenizer"}) {
    if (!fs::is_directory(directory / component, error)) {
      fail(ErrorCode::kNotFound,
           directory.string(),
           ": lacks the folder ",
           component,
           "/ of a GLM-Image checkpoint");
    }
  }

  Checkpoint checkpoint;
  checkpoint.info_.directory = directory;
  checkpoint.vision_language =
      models::VisionLanguageConfig::from_json(component_config(directory, kVisionLanguage));
  checkpoint.sampling = models::SamplingOptions::from_json(
      io::JsonFields::load(directory / kVisionLanguage / "generation_config.json"));
  checkpoint.glyph_encoder = models::T5Config::from_json(component_config(directory, kTextEncoder));
  checkpoint.transformer =
      models::TransformerConfig::from_json(component_config(directory, kTransformer));
  checkpoint.autoencoder = models::AutoencoderConfig::from_json(component_config(directory, kVae));
  checkpoint.scheduler = diffusion::FlowMatchConfig::from_json(
      io::JsonFields::load(directory / "scheduler" / "scheduler_config.json"));
  checkpoint.image_settings = ImageSettings::load(directory / "processor");
  checkpoint.tokenizer = text::BpeTokenizer::load(directory / "processor" / "tokenizer.json");
  checkpoint.byte_tokenizer =
      text::ByteTokenizer::load(directory / "tokenizer" / "tokenizer_config.json");
  checkpoint.prompt_tokens = text::load_prompt_tokens(directory, *checkpoint.tokenizer);
  checkpoint.check_agreement();
  checkpoint.placement_ = place(options, checkpoint.weights(kTransformer));
  checkpoint.check_weights();
  plan_residency(checkpoint.info_.components, options, checkpoint.placement_.device.is_cpu());

  auto& info = checkpoint.info_;
  info.profile = load_profile(
      directory, checkpoint.transformer.sample_size * checkpoint.autoencoder.scale_factor());
  info.device = checkpoint.placement_.device.str();
  info.dtype = checkpoint.placement_.dtype == at::kFloat ? "float32" : "bfloat16";
  return checkpoint;
}

io::WeightSet Checkpoint::weights(const std::string& component) const {
  return io::WeightSet::open(info_.directory / component);
}

/// What no single config can tell: that the components fit together.
void Checkpoint::check_agreement() const {
  const auto require = [this](bool condition, const auto&... parts) {
    if (!condition) fail(ErrorCode::kCorruptFile, info_.directory.string(), ": ", parts...);
  };
  require(autoencoder.latent_channels == transformer.in_channels,
          "the VAE has ",
          autoencoder.latent_channels,
          " latent channels, the transformer ",
          transformer.in_channels);
  require(glyph_encoder.d_model == transformer.text_embed_dim,
          "the text encoder's d_model is ",
          glyph_encoder.d_model,
          ", the transformer's text_embed_dim ",
          transformer.text_embed_dim);
  require(vision_language.vq.num_embeddings <= transformer.prior_vq_quantizer_codebook_size,
          "the codebook has ",
          vision_language.vq.num_embeddings,
          " codes, the transformer's table ",
          transformer.prior_vq_quantizer_codebook_size);
  require(tokenizer->id_count() <= vision_language.text.vocab_size,
          "tokenizer.json has ids up to ",
          tokenizer->id_count() - 1,
          ", the generator's vocab_size is ",
          vision_language.text.vocab_size);
  require(byte_tokenizer->largest_id() < glyph_encoder.vocab_size,
          "the glyph tokenizer has ids up to ",
          byte_tokenizer->largest_id(),
          ", the text encoder's vocab_size is ",
          glyph_encoder.vocab_size);
  require(tokenizer->required_token_id(prompt_tokens.image) == vision_language.image_token_id,
          "the token ",
          prompt_tokens.image,
          " is not image_token_id ",
          vision_language.image_token_id);
  const int64_t patch_pixels = autoencoder.scale_factor() * transformer.patch_size;
  require(text::kPixelsPerToken % patch_pixels == 0,
          "latent patches of ",
          patch_pixels,
          " pixels do not divide the ",
          text::kPixelsPerToken,
          " pixels of a visual token");
  require(2 * vision_language.vision.patch_size == text::kPixelsPerToken &&
              image_settings.patch_size == vision_language.vision.patch_size,
          "the vision encoder's patch_size must be ",
          text::kPixelsPerToken / 2,
          " in both configs; found ",
          vision_language.vision.patch_size,
          " and ",
          image_settings.patch_size);
}

void Checkpoint::check_weights() {
  const at::TensorOptions options(at::kFloat);
  const auto check = [this](const char* component,
                            torch::nn::Module& module,
                            const std::vector<std::string>& surplus,
                            at::ScalarType dtype) {
    const auto set = weights(component);
    io::BindingOptions binding;
    binding.surplus_allowed = surplus;
    io::verify_weights(module, set, binding);
    info_.components.push_back(describe(component, set, dtype));
  };
  check(kVisionLanguage,
        *models::GlmImageForConditionalGeneration(vision_language, options),
        {},
        placement_.dtype);
  check(kTextEncoder,
        *models::T5EncoderModel(glyph_encoder, options),
        kTiedEmbedding,
        placement_.dtype);
  check(kTransformer,
        *models::GlmImageTransformer2DModel(transformer, options),
        {},
        placement_.dtype);
  check(kVae, *models::AutoencoderKL(autoencoder, options), {}, at::kFloat);
}

bool Checkpoint::stays(const std::string& component) const {
  return std::any_of(info_.components.begin(), info_.components.end(), [&](const auto& info) {
    return info.name == component && info.resident;
  });
}

models::GlmImageForConditionalGeneration Checkpoint::load_generator(
    bool with_vision, const ReadProgress& progress) const {
  auto& slot = resident_->generator;
  if (with_vision && !resident_->generator_has_vision) slot.reset();
  return resident_or(slot, stays(kVisionLanguage), [&] {
    io::BindingOptions binding{placement_.device, placement_.dtype, {}, {}, progress};
    if (!with_vision) {
      binding.wanted = [](const std::string& name) {
        return name.rfind(models::kVisualPrefix, 0) != 0 && name.rfind(models::kVqPrefix, 0) != 0;
      };
    }
    resident_->generator_has_vision = with_vision;
    return load_module(
        models::GlmImageForConditionalGeneration(
            vision_language, at::TensorOptions(placement_.dtype).device(placement_.device)),
        weights(kVisionLanguage),
        binding);
  });
}

models::T5EncoderModel Checkpoint::load_glyph_encoder(const ReadProgress& progress) const {
  return resident_or(resident_->glyph_encoder, stays(kTextEncoder), [&] {
    return load_module(
        models::T5EncoderModel(glyph_encoder,
                               at::TensorOptions(placement_.dtype).device(placement_.device)),
        weights(kTextEncoder),
        {placement_.device, placement_.dtype, {}, kTiedEmbedding, progress});
  });
}

models::GlmImageTransformer2DModel Checkpoint::load_transformer(
    const ReadProgress& progress) const {
  return resident_or(resident_->transformer, stays(kTransformer), [&] {
    return load_module(
        models::GlmImageTransformer2DModel(
            transformer, at::TensorOptions(placement_.dtype).device(placement_.device)),
        weights(kTransformer),
        {placement_.device, placement_.dtype, {}, {}, progress});
  });
}

models::AutoencoderKL Checkpoint::load_autoencoder(const ReadProgress& progress) const {
  return resident_or(resident_->autoencoder, stays(kVae), [&] {
    // Always float32: half precision overflows to black pictures with the published weights.
    return load_module(
        models::AutoencoderKL(autoencoder, at::TensorOptions(at::kFloat).device(placement_.device)),
        weights(kVae),
        {placement_.device, at::kFloat, {}, {}, progress});
  });
}

}  // namespace glm_image::pipeline
