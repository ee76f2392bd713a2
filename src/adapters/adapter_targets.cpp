#include "adapters/adapter_targets.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/suffix.h"
#include "nn/modules.h"

namespace glm_image::adapters {
namespace {

/// PEFT's prefix of the names of a module's layers.
constexpr std::string_view kPeft = "base_model.model.";
/// An adapter of the language model alone leaves this out.
constexpr std::string_view kLanguageModel = "model.language_model.";

/// Splits "<path>.lora_A.weight" and the like.
std::optional<std::pair<std::string_view, TensorRole>> split_role(std::string_view key) {
  using Ends = std::vector<std::pair<std::string_view, TensorRole>>;
  static const Ends kFactors = {{".lora_A", TensorRole::kDown}, {".lora_B", TensorRole::kUp}};
  static const Ends kEnds = {{".lora_A.weight", TensorRole::kDown},
                             {".lora_B.weight", TensorRole::kUp},
                             {".lora_down.weight", TensorRole::kDown},
                             {".lora_up.weight", TensorRole::kUp},
                             {".lora.down.weight", TensorRole::kDown},
                             {".lora.up.weight", TensorRole::kUp},
                             {".alpha", TensorRole::kAlpha}};
  for (const auto& [end, role] : kEnds) {
    if (ends_with(key, end)) return std::pair(key.substr(0, key.size() - end.size()), role);
  }
  // PEFT's own state has the adapter's name in it: "<path>.lora_A.default.weight".
  constexpr std::string_view kWeight = ".weight";
  if (!ends_with(key, kWeight)) return std::nullopt;
  const auto named = key.substr(0, key.size() - kWeight.size());
  const auto dot = named.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto path = named.substr(0, dot);
  for (const auto& [end, role] : kFactors) {
    if (ends_with(path, end)) return std::pair(path.substr(0, path.size() - end.size()), role);
  }
  return std::nullopt;
}

std::string joined(std::string_view name) {
  std::string with_underscores(name);
  std::replace(with_underscores.begin(), with_underscores.end(), '.', '_');
  return with_underscores;
}

/// Removes `beginning` from `text` if it starts with it.
bool take(std::string_view& text, std::string_view beginning) {
  if (text.substr(0, beginning.size()) != beginning) return false;
  text.remove_prefix(beginning.size());
  return true;
}

template <typename Layers>
const TargetLayer* find_in(const Layers& layers, std::string_view name) {
  const auto found = layers.find(name);
  return found == layers.end() ? nullptr : &found->second;
}

}  // namespace

AdapterTargets::Component::Component(const std::string& folder, const torch::nn::Module& module)
    : name(folder) {
  for (const auto& [layer, linear] : nn::linear_layers(module)) {
    const TargetLayer target{name, layer, linear->weight.size(0), linear->weight.size(1)};
    layers[layer] = target;
    joined_layers[joined(layer)] = target;
  }
}

const TargetLayer* AdapterTargets::Component::find(std::string_view path) const {
  const auto* found = find_in(layers, path);
  return found != nullptr ? found : find_in(layers, std::string(kLanguageModel).append(path));
}

const TargetLayer* AdapterTargets::Component::find_joined(std::string_view path) const {
  const auto* found = find_in(joined_layers, path);
  return found != nullptr ? found : find_in(joined_layers, joined(kLanguageModel).append(path));
}

void AdapterTargets::set_transformer(const std::string& component,
                                     const torch::nn::Module& module) {
  transformer_ = Component(component, module);
}

void AdapterTargets::set_generator(const std::string& component, const torch::nn::Module& module) {
  generator_ = Component(component, module);
}

const TargetLayer* AdapterTargets::find_layer(std::string_view path) const {
  for (const std::string_view kohya : {"lora_unet_", "lora_transformer_"}) {
    if (take(path, kohya)) return transformer_.find_joined(path);
  }
  for (const std::string_view kohya : {"lora_te_", "lora_te1_"}) {
    if (take(path, kohya)) return generator_.find_joined(path);
  }
  take(path, kPeft);
  for (const auto& prefix :
       {std::string("diffusion_model"), std::string("pipe.dit"), transformer_.name}) {
    if (take(path, prefix + '.')) return transformer_.find(path);
  }
  if (take(path, generator_.name + '.')) return generator_.find(path);
  const auto* found = transformer_.find(path);
  return found != nullptr ? found : generator_.find(path);
}

AdapterKey AdapterTargets::find(std::string_view key) const {
  const auto split = split_role(key);
  if (!split) return {};
  return {find_layer(split->first), split->second};
}

}  // namespace glm_image::adapters
