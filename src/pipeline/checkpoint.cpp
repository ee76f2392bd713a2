#include "pipeline/checkpoint.h"

#include <algorithm>
#include <set>

#include "core/device.h"
#include "core/error.h"
#include "io/json_file.h"
#include "io/shown.h"
#include "io/weight_binding.h"
#include "nn/parameter.h"
#include "pipeline/model_folder.h"
#include "pipeline/model_profile.h"
#include "pipeline/residency.h"
#include "quant/quantised_weights.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVisionLanguage = "vision_language_encoder";
constexpr const char* kTextEncoder = "text_encoder";
constexpr const char* kTransformer = "transformer";
constexpr const char* kVae = "vae";

/// Tensors that the files of a component may have or lack without a word. Others that no module
/// asks for get a warning.
io::BindingOptions tolerances(const std::string& component) {
  io::BindingOptions options;
  options.strict = false;
  if (component == kVisionLanguage) {
    // The way back from codes to features, which inference never goes.
    options.allowed_missing = {concat(models::kVqPrefix, "post_quant_conv.")};
  } else if (component == kTextEncoder) {
    // transformers may write the tied embedding of a T5 encoder a second time, under this name.
    options.allowed_unexpected = {"encoder.embed_tokens.weight"};
  }
  return options;
}

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
                       const torch::nn::Module& module,
                       const io::WeightSet& weights,
                       const std::vector<std::string>& unused,
                       at::ScalarType dtype) {
  std::set<std::string> types;
  ComponentInfo info;
  info.name = name;
  for (const auto& [tensor, location] : weights.tensors()) {
    if (std::binary_search(unused.begin(), unused.end(), tensor)) continue;
    const auto& entry = *location.entry;
    types.emplace(io::element_type_name(entry.type));
    info.bytes += static_cast<int64_t>(entry.end - entry.begin);
  }
  for (const auto& type : types) info.dtype += (info.dtype.empty() ? "" : ", ") + type;
  for (const auto& parameter : module.parameters()) info.parameters += parameter.numel();
  info.memory_bytes = info.parameters * static_cast<int64_t>(c10::elementSize(dtype));
  return info;
}

template <typename Module>
Module load_module(Module module, const io::WeightSet& weights, io::BindingOptions options) {
  const torch::NoGradGuard no_grad;
  const auto packed = quant::QuantisedWeights::open(weights.folder(), weights);
  options.packed = packed.get();
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

Checkpoint Checkpoint::open(const fs::path& given, const PipelineOptions& options) {
  const auto directory = checkpoint_folder(given);
  std::error_code error;
  for (const char* component :
       {kVisionLanguage, kTextEncoder, kTransformer, kVae, "scheduler", "processor", "tokenizer"}) {
    if (!fs::is_directory(directory / component, error)) {
      fail(ErrorCode::kNotFound,
           directory.string(),
           ": lacks the folder ",
           component,
           "/ of a GLM-Image checkpoint (is the download complete?)");
    }
  }

  Checkpoint checkpoint;
  checkpoint.info_.directory = directory;
  checkpoint.info_.name = checkpoint_name(directory);
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
  checkpoint.tokenizer = text::BpeTokenizer::load_processor(directory / "processor");
  checkpoint.byte_tokenizer =
      text::ByteTokenizer::load(directory / "tokenizer" / "tokenizer_config.json");
  const auto& ids = checkpoint.vision_language;
  checkpoint.prompt_tokens = text::load_prompt_tokens(
      directory / "processor" / "tokenizer_config.json",
      {ids.image_token_id, ids.image_start_token_id, ids.image_end_token_id},
      *checkpoint.tokenizer);
  checkpoint.check_agreement();
  checkpoint.read_image_settings();
  checkpoint.placement_ = place(options, checkpoint.weights(kTransformer));
  checkpoint.check_weights(options.strict);
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
  const int64_t patch_pixels = autoencoder.scale_factor() * transformer.patch_size;
  require(text::kPixelsPerToken % patch_pixels == 0,
          "latent patches of ",
          patch_pixels,
          " pixels do not divide the ",
          text::kPixelsPerToken,
          " pixels of a visual token");
  require(2 * vision_language.vision.patch_size == text::kPixelsPerToken,
          "the vision encoder's patch_size must be ",
          text::kPixelsPerToken / 2,
          ", found ",
          vision_language.vision.patch_size);
}

void Checkpoint::read_image_settings() {
  try {
    const auto settings = ImageSettings::load(info_.directory / "processor");
    if (settings.patch_size != vision_language.vision.patch_size) {
      fail(ErrorCode::kCorruptFile,
           (info_.directory / "processor").string(),
           ": the image settings have patch_size ",
           settings.patch_size,
           ", the vision encoder has ",
           vision_language.vision.patch_size);
    }
    image_settings_ = settings;
  } catch (const Error& error) {
    // Text to image does without the file; one that is there and wrong is refused.
    if (error.code() != ErrorCode::kNotFound) throw;
    image_settings_ = error;
  }
}

const ImageSettings& Checkpoint::image_settings() const {
  if (const auto* error = std::get_if<Error>(&image_settings_)) throw *error;
  return std::get<ImageSettings>(image_settings_);
}

void Checkpoint::check_weights(bool strict) {
  const at::TensorOptions options(at::kFloat);
  const auto check = [&](const char* component, torch::nn::Module& module, at::ScalarType dtype) {
    const auto set = weights(component);
    const auto packed = quant::QuantisedWeights::open(info_.directory / component, set);
    auto binding = tolerances(component);
    binding.strict = strict;
    binding.packed = packed.get();
    const auto unexpected = io::verify_weights(module, set, binding);
    if (!unexpected.empty()) {
      info_.warnings.push_back(
          concat(set.source_of(unexpected.front()),
                 ": ",
                 unexpected.size(),
                 unexpected.size() == 1 ? " tensor belongs" : " tensors belong",
                 " to no part of the model and will not be used (",
                 unexpected.size() == 1 ? "" : "first: ",
                 io::shown_name(unexpected.front()),
                 ")"));
    }
    info_.components.push_back(describe(component, module, set, unexpected, dtype));
  };
  check(kVisionLanguage,
        *models::GlmImageForConditionalGeneration(vision_language, options),
        placement_.dtype);
  check(kTextEncoder, *models::T5EncoderModel(glyph_encoder, options), placement_.dtype);
  check(kTransformer, *models::GlmImageTransformer2DModel(transformer, options), placement_.dtype);
  check(kVae, *models::AutoencoderKL(autoencoder, options), at::kFloat);
}

io::BindingOptions Checkpoint::binding(const std::string& component,
                                       at::ScalarType dtype,
                                       const ReadProgress& progress) const {
  auto options = tolerances(component);
  options.device = placement_.device;
  options.dtype = dtype;
  options.progress = progress;
  return options;
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
    auto options = binding(kVisionLanguage, placement_.dtype, progress);
    if (!with_vision) {
      options.wanted = [](const std::string& name) {
        return name.rfind(models::kVisualPrefix, 0) != 0 && name.rfind(models::kVqPrefix, 0) != 0;
      };
    }
    resident_->generator_has_vision = with_vision;
    return load_module(
        models::GlmImageForConditionalGeneration(
            vision_language, at::TensorOptions(placement_.dtype).device(placement_.device)),
        weights(kVisionLanguage),
        options);
  });
}

models::T5EncoderModel Checkpoint::load_glyph_encoder(const ReadProgress& progress) const {
  return resident_or(resident_->glyph_encoder, stays(kTextEncoder), [&] {
    return load_module(
        models::T5EncoderModel(glyph_encoder,
                               at::TensorOptions(placement_.dtype).device(placement_.device)),
        weights(kTextEncoder),
        binding(kTextEncoder, placement_.dtype, progress));
  });
}

models::GlmImageTransformer2DModel Checkpoint::load_transformer(
    const ReadProgress& progress) const {
  return resident_or(resident_->transformer, stays(kTransformer), [&] {
    return load_module(
        models::GlmImageTransformer2DModel(
            transformer, at::TensorOptions(placement_.dtype).device(placement_.device)),
        weights(kTransformer),
        binding(kTransformer, placement_.dtype, progress));
  });
}

models::AutoencoderKL Checkpoint::load_autoencoder(const ReadProgress& progress) const {
  return resident_or(resident_->autoencoder, stays(kVae), [&] {
    // Always float32: half precision overflows to black pictures with the published weights.
    return load_module(
        models::AutoencoderKL(autoencoder, at::TensorOptions(at::kFloat).device(placement_.device)),
        weights(kVae),
        binding(kVae, at::kFloat, progress));
  });
}

}  // namespace glm_image::pipeline
