#include "pipeline/base_weights.h"

#include "core/error.h"
#include "quant/quantised_on_load.h"
#include "quant/quantised_weights.h"

namespace glm_image::pipeline {

bool has_quantised_files(const Checkpoint& checkpoint, const std::string& component) {
  const auto folder = checkpoint.info().directory / component;
  const auto weights = io::WeightSet::open(folder);
  return quant::QuantisedWeights::open(folder, weights) != nullptr;
}

ComponentBytes bytes_on_load(const Checkpoint& checkpoint,
                             const std::string& component,
                             const std::string& quantise_to) {
  const bool is_generator = component == kVisionLanguage;
  GLM_IMAGE_CHECK(is_generator || component == kTransformer, component);
  if (quantise_to.empty() || has_quantised_files(checkpoint, component)) {
    return is_generator ? checkpoint.generator_bytes(/*with_vision=*/false)
                        : checkpoint.weight_bytes(component);
  }
  const at::TensorOptions options(at::kFloat);
  std::shared_ptr<torch::nn::Module> module;
  if (is_generator) {
    module = models::GlmImageForConditionalGeneration(checkpoint.vision_language, options).ptr();
  } else {
    module = models::GlmImageTransformer2DModel(checkpoint.transformer, options).ptr();
  }
  const auto weights = io::WeightSet::open(checkpoint.info().directory / component);
  const quant::QuantisedOnLoad quantised(
      weights, component, *module, quant::FormRules(quantise_to, /*rules=*/""));
  BoundAs bound;
  bound.dtype = checkpoint.placement().dtype;
  bound.on_cpu = checkpoint.placement().device.is_cpu();
  bound.packed = &quantised;
  bound.wanted = [](const std::string& name) { return !is_of_vision(name); };
  bound.table = models::kTokenTable;
  return measure_weights(*module, weights, bound);
}

}  // namespace glm_image::pipeline
