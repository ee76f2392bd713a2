#include "pipeline/checkpoint.h"

#include "core/error.h"
#include "core/memory.h"
#include "io/json_file.h"
#include "pipeline/model_folder.h"
#include "pipeline/model_profile.h"
#include "pipeline/residency.h"
#include "pipeline/working_memory.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

io::JsonFields component_config(const fs::path& directory, const std::string& component) {
  return io::JsonFields::load(directory / component / "config.json");
}

std::string type_name(at::ScalarType type) {
  return type == at::kFloat ? "float32" : "bfloat16";
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& given, const PipelineOptions& options) {
  const auto directory = checkpoint_folder(given);
  std::error_code error;
  for (const char* component : {kVisionLanguage,
                                kTextEncoder,
                                kTransformer,
                                kVae,
                                models::kScheduler,
                                models::kProcessor,
                                models::kTokenizer}) {
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
      io::JsonFields::load(directory / models::kScheduler / "scheduler_config.json"));
  checkpoint.tokenizer = text::BpeTokenizer::load_processor(directory / models::kProcessor);
  checkpoint.byte_tokenizer =
      text::ByteTokenizer::load(directory / models::kTokenizer / "tokenizer_config.json");
  const auto& ids = checkpoint.vision_language;
  checkpoint.prompt_tokens = text::load_prompt_tokens(
      directory / models::kProcessor / "tokenizer_config.json",
      {ids.image_token_id, ids.image_start_token_id, ids.image_end_token_id},
      *checkpoint.tokenizer);
  checkpoint.check_agreement();
  checkpoint.read_image_settings();
  checkpoint.placement_ =
      place(options, checkpoint.weights(kTransformer), checkpoint.weights(kVae));
  checkpoint.max_memory_bytes_ = options.max_memory_bytes;
  checkpoint.residency_ = options.residency;
  checkpoint.check_weights(options.strict);
  checkpoint.open_adapters(options);

  auto& info = checkpoint.info_;
  info.profile = load_profile(
      directory, checkpoint.transformer.sample_size * checkpoint.autoencoder.scale_factor());
  info.device = checkpoint.placement_.device.str();
  info.dtype = type_name(checkpoint.placement_.dtype);
  info.vae_dtype = type_name(checkpoint.placement_.vae_dtype);
  checkpoint.choose_residency(options);
  return checkpoint;
}

/// Checks that the configs of the components agree with each other.
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
  const int64_t patch_pixels = transformer.patch_pixels(autoencoder.scale_factor());
  require(text::kTokenSide % patch_pixels == 0,
          "latent patches of ",
          patch_pixels,
          " pixels do not divide the ",
          text::kTokenSide,
          " pixels of a visual token");
  require(2 * vision_language.vision.patch_size == text::kTokenSide,
          "the vision encoder's patch_size must be ",
          text::kTokenSide / 2,
          ", found ",
          vision_language.vision.patch_size);
}

void Checkpoint::read_image_settings() {
  try {
    const auto settings = ImageSettings::load(info_.directory / models::kProcessor);
    if (settings.patch_size != vision_language.vision.patch_size) {
      fail(ErrorCode::kCorruptFile,
           (info_.directory / models::kProcessor).string(),
           ": the image settings have patch_size ",
           settings.patch_size,
           ", the vision encoder has ",
           vision_language.vision.patch_size);
    }
    image_settings_ = settings;
  } catch (const Error& error) {
    // Text-to-image does not need the file, but a wrong file is an error.
    if (error.code() != ErrorCode::kNotFound) throw;
    image_settings_ = error;
  }
}

const ImageSettings& Checkpoint::image_settings() const {
  if (const auto* error = std::get_if<Error>(&image_settings_)) throw *error;
  return std::get<ImageSettings>(image_settings_);
}

void Checkpoint::open_adapters(const PipelineOptions& options) {
  if (options.adapters.empty() && options.adapter_folder.empty()) return;
  adapters_ = AdapterSet::open(options, adapter_targets(), info_.warnings);
  info_.adapters = adapters_.infos();
}

adapters::AdapterTargets Checkpoint::adapter_targets() const {
  const at::TensorOptions options(at::kFloat);
  adapters::AdapterTargets targets;
  targets.set_transformer(kTransformer, *models::GlmImageTransformer2DModel(transformer, options));
  targets.set_generator(kVisionLanguage,
                        *models::GlmImageForConditionalGeneration(vision_language, options));
  return targets;
}

void Checkpoint::choose_residency(const PipelineOptions& options) {
  if (options.max_memory_bytes < 0) {
    fail(ErrorCode::kInvalidInput, "the memory to use must not be negative");
  }
  std::vector<int64_t> working(info_.components.size(), 0);
  int64_t budget = options.max_memory_bytes;
  if (placement_.device.is_cpu()) {
    Request usual;
    usual.width = info_.profile.sizes.front().width;
    usual.height = info_.profile.sizes.front().height;
    const auto memory = working_memory(*this, workload_of(*this, usual));
    working = {memory.compose, memory.spell, memory.paint, memory.decode};
    budget = allowed_memory() - kProgramBytes;
  }
  plan_residency(info_.components, working, options.residency, budget);
}

int64_t Checkpoint::allowed_memory() const {
  if (!placement_.device.is_cpu()) return 0;
  // An eighth is left to the system and other programs.
  return max_memory_bytes_ > 0 ? max_memory_bytes_ : usable_memory_bytes() / 8 * 7;
}

}  // namespace glm_image::pipeline
