// Loading the modules of a checkpoint, and which of them stay in memory.

#include <algorithm>

#include "core/error.h"
#include "core/memory.h"
#include "pipeline/checkpoint.h"
#include "pipeline/weight_stream.h"
#include "quant/quantised_on_load.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

/// What load_vision loads, beside the generator and the other components.
constexpr const char* kVision = "vision";

template <typename Module>
Module load_module(Module module,
                   const fs::path& component,
                   io::BindingOptions options,
                   const LoadPlan& plan) {
  const torch::NoGradGuard no_grad;
  const auto weights = StoredWeights::open(component);
  std::unique_ptr<const quant::QuantisedOnLoad> quantised;
  if (!plan.quantise_to.empty() && weights->packed == nullptr) {
    GLM_IMAGE_CHECK(!plan.weights.streams(), "weights that stream are not quantised on the way");
    const quant::FormRules rules(plan.quantise_to, /*rules=*/"");
    quantised = std::make_unique<quant::QuantisedOnLoad>(
        weights->set, component.filename().string(), *module, rules);
    options.packed = quantised.get();
    io::bind_weights(*module, weights->set, options);
  } else if (plan.weights.streams()) {
    int64_t read = plan.bytes.fixed;
    for (const auto& list : plan.bytes.lists) {
      for (const auto& block : list.blocks) read += block.stored;
    }
    // The kernel's cache of files is worth keeping if it can hold what each run reads.
    const bool drop_cached = read > available_memory_bytes();
    stream_weights(*module, weights, options, plan.bytes.lists, plan.weights, drop_cached);
  } else {
    options.packed = weights->packed.get();
    io::bind_weights(*module, weights->set, options);
  }
  module->eval();
  return module;
}

/// Returns the module in `slot` or, if it is empty, the result of `load`, stored there if it stays.
template <typename Module, typename Load>
Module resident_or(std::optional<Module>& slot, bool stays, const Load& load) {
  if (slot) return *slot;
  Module module = load();
  if (stays) slot = module;
  return module;
}

}  // namespace

io::BindingOptions Checkpoint::binding(const std::string& component,
                                       at::ScalarType dtype,
                                       const ReadProgress& progress) const {
  auto options = tolerances(component);
  options.device = placement_.device;
  options.dtype = dtype;
  options.progress = progress;
  return options;
}

bool Checkpoint::stays(const std::string& component, const LoadPlan& plan) const {
  if (plan.weights.streams()) return false;
  return std::any_of(info_.components.begin(), info_.components.end(), [&](const auto& info) {
    return info.name == component && info.resident;
  });
}

/// Releases resident modules of other components, the largest first, until the planned module fits.
void Checkpoint::make_room(const std::string& component, const LoadPlan& plan) const {
  auto& modules = *resident_;
  int64_t kept = 0;
  for (const bool drops : {false, true}) {
    const auto visit = [&](const char* name, int64_t bytes, auto& slot) {
      if (!slot || component == name) return;
      if (!drops) kept += bytes;
      if (drops && kept > plan.room_for_others) {
        slot.reset();
        kept -= bytes;
      }
    };
    const auto bytes = [&](const char* name) { return bytes_.at(name).memory(); };
    if (modules.generator) {
      visit(kVisionLanguage,
            shard_bytes(modules.generator_has_vision, modules.generator_shard).memory(),
            modules.generator);
    }
    visit(kTransformer, bytes(kTransformer), modules.transformer);
    visit(kVision, vision_bytes_.memory(), modules.vision);
    visit(kTextEncoder, bytes(kTextEncoder), modules.glyph_encoder);
    visit(kVae, bytes(kVae), modules.autoencoder);
  }
}

models::GlmImageForConditionalGeneration Checkpoint::load_generator(
    bool with_vision,
    const Adapters& adapters,
    const ReadProgress& progress,
    const LoadPlan& plan,
    const models::GeneratorShard& shard) const {
  make_room(kVisionLanguage, plan);
  auto& slot = resident_->generator;
  const bool lacks_vision = with_vision && !resident_->generator_has_vision;
  if (plan.weights.streams() || lacks_vision || !(resident_->generator_shard == shard)) {
    slot.reset();
  }
  if (with_vision) resident_->vision.reset();
  const auto cuts = models::shard_cuts(vision_language.text, shard);
  // Residency was decided for the whole component.
  const bool shard_stays =
      !shard.is_whole() && residency_ != Residency::kNone && !plan.weights.streams();
  auto module = resident_or(slot, shard_stays || stays(kVisionLanguage, plan), [&] {
    auto options = binding(kVisionLanguage, placement_.dtype, progress);
    options.cuts = cuts;
    if (!with_vision) {
      options.wanted = [](const std::string& name) { return !is_of_vision(name); };
    }
    resident_->generator_has_vision = with_vision;
    resident_->generator_shard = shard;
    return load_module(
        models::GlmImageForConditionalGeneration(
            vision_language, at::TensorOptions(placement_.dtype).device(placement_.device), shard),
        info_.directory / kVisionLanguage,
        options,
        plan);
  });
  adapters_.apply(adapters, kVisionLanguage, *module, cuts);
  return module;
}

models::GlmImageForConditionalGeneration Checkpoint::load_vision(const ReadProgress& progress,
                                                                 const LoadPlan& plan) const {
  auto& modules = *resident_;
  if (modules.generator && modules.generator_has_vision) return *modules.generator;
  make_room(kVision, plan);
  if (plan.weights.streams()) modules.vision.reset();
  return resident_or(modules.vision, stays(kVisionLanguage, plan), [&] {
    auto options = binding(kVisionLanguage, placement_.dtype, progress);
    options.wanted = is_of_vision;
    return load_module(
        models::GlmImageForConditionalGeneration(
            vision_language, at::TensorOptions(placement_.dtype).device(placement_.device)),
        info_.directory / kVisionLanguage,
        options,
        plan);
  });
}

models::T5EncoderModel Checkpoint::load_glyph_encoder(const ReadProgress& progress,
                                                      const LoadPlan& plan) const {
  make_room(kTextEncoder, plan);
  auto& slot = resident_->glyph_encoder;
  if (plan.weights.streams()) slot.reset();
  return resident_or(slot, stays(kTextEncoder, plan), [&] {
    return load_module(
        models::T5EncoderModel(glyph_encoder,
                               at::TensorOptions(placement_.dtype).device(placement_.device)),
        info_.directory / kTextEncoder,
        binding(kTextEncoder, placement_.dtype, progress),
        plan);
  });
}

models::GlmImageTransformer2DModel Checkpoint::load_transformer(const Adapters& adapters,
                                                                const ReadProgress& progress,
                                                                const LoadPlan& plan) const {
  make_room(kTransformer, plan);
  auto& slot = resident_->transformer;
  if (plan.weights.streams()) slot.reset();
  auto module = resident_or(slot, stays(kTransformer, plan), [&] {
    return load_module(
        models::GlmImageTransformer2DModel(
            transformer, at::TensorOptions(placement_.dtype).device(placement_.device)),
        info_.directory / kTransformer,
        binding(kTransformer, placement_.dtype, progress),
        plan);
  });
  adapters_.apply(adapters, kTransformer, *module);
  return module;
}

models::AutoencoderKL Checkpoint::load_autoencoder(const ReadProgress& progress,
                                                   const LoadPlan& plan) const {
  make_room(kVae, plan);
  return resident_or(resident_->autoencoder, stays(kVae, plan), [&] {
    // Never float16, which overflows to black pictures with the published weights.
    return load_module(
        models::AutoencoderKL(autoencoder,
                              at::TensorOptions(placement_.vae_dtype).device(placement_.device)),
        info_.directory / kVae,
        binding(kVae, placement_.vae_dtype, progress),
        plan);
  });
}

}  // namespace glm_image::pipeline
