// What the weight files of a checkpoint hold: their check against the configs, and their bytes.

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/joined.h"
#include "core/prefix.h"
#include "io/shown.h"
#include "pipeline/checkpoint.h"
#include "pipeline/weight_stream.h"
#include "quant/quantised_weights.h"

namespace glm_image::pipeline {
namespace {

ComponentInfo describe(const std::string& name,
                       const torch::nn::Module& module,
                       const io::WeightSet& weights,
                       const std::vector<std::string>& unused) {
  std::set<std::string> types;
  ComponentInfo info;
  info.name = name;
  for (const auto& [tensor, location] : weights.tensors()) {
    if (std::binary_search(unused.begin(), unused.end(), tensor)) continue;
    const auto& entry = *location.entry;
    types.emplace(io::element_type_name(entry.type));
    info.bytes += static_cast<int64_t>(entry.end - entry.begin);
  }
  info.dtype = joined(types, ", ");
  for (const auto& parameter : module.parameters()) info.parameters += parameter.numel();
  return info;
}

}  // namespace

bool is_of_vision(const std::string& parameter) {
  return starts_with(parameter, models::kVisualPrefix) || starts_with(parameter, models::kVqPrefix);
}

io::WeightSet Checkpoint::weights(const std::string& component) const {
  return io::WeightSet::open(info_.directory / component);
}

io::BindingOptions Checkpoint::tolerances(const std::string& component) {
  io::BindingOptions options;
  options.strict = false;
  if (component == kVisionLanguage) {
    // The projection from codes back to features, which inference does not use.
    options.allowed_missing = {concat(models::kVqPrefix, "post_quant_conv.")};
  } else if (component == kTextEncoder) {
    // transformers may write the tied embedding of a T5 encoder again under this name.
    options.allowed_unexpected = {"encoder.embed_tokens.weight"};
  }
  return options;
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
    info_.components.push_back(describe(component, module, set, unexpected));
    BoundAs bound;
    bound.dtype = dtype;
    bound.on_cpu = placement_.device.is_cpu();
    bound.packed = packed.get();
    bound.table = models::kTokenTable;
    bound.wanted = [](const std::string& name) { return !is_of_vision(name); };
    auto& bytes = bytes_[component];
    bytes = measure_weights(module, set, bound);
    if (component == std::string(kVisionLanguage)) {
      bytes_without_vision_ = bytes;
      bound.wanted = is_of_vision;
      vision_bytes_ = measure_weights(module, set, bound);
      bytes.add(vision_bytes_);
    }
    info_.components.back().memory_bytes = bytes.memory();
  };
  check(kVisionLanguage,
        *models::GlmImageForConditionalGeneration(vision_language, options),
        placement_.dtype);
  check(kTextEncoder, *models::T5EncoderModel(glyph_encoder, options), placement_.dtype);
  check(kTransformer, *models::GlmImageTransformer2DModel(transformer, options), placement_.dtype);
  check(kVae, *models::AutoencoderKL(autoencoder, options), placement_.vae_dtype);
}

const ComponentBytes& Checkpoint::weight_bytes(const std::string& component) const {
  return bytes_.at(component);
}

const ComponentBytes& Checkpoint::generator_bytes(bool with_vision) const {
  return with_vision ? bytes_.at(kVisionLanguage) : bytes_without_vision_;
}

ComponentBytes Checkpoint::shard_bytes(bool with_vision,
                                       const models::GeneratorShard& shard) const {
  if (shard.is_whole()) return generator_bytes(with_vision);
  const auto stored = StoredWeights::open(info_.directory / kVisionLanguage);
  BoundAs bound;
  bound.dtype = placement_.dtype;
  bound.on_cpu = placement_.device.is_cpu();
  bound.packed = stored->packed.get();
  bound.table = models::kTokenTable;
  bound.wanted = [](const std::string& name) { return !is_of_vision(name); };
  bound.cuts = models::shard_cuts(vision_language.text, shard);
  const models::GlmImageForConditionalGeneration module(
      vision_language, at::TensorOptions(at::kFloat), shard);
  auto bytes = measure_weights(*module, stored->set, bound);
  if (with_vision) bytes.add(vision_bytes_);
  return bytes;
}

}  // namespace glm_image::pipeline
