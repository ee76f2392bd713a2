#include "adapters/adapter_targets.h"

#include <algorithm>

#include "nn/modules.h"

namespace glm_image::adapters {
namespace {

/// PEFT's prefix of the names of a module's layers.
constexpr std::string_view kPeft = "base_model.model.";
/// transformers calls the module that a class with a head holds so.
constexpr std::string_view kHeld = "model.";

constexpr std::size_t kAmbiguous = std::string::npos;

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

template <typename Names>
void add_end(Names& names, const std::string& end, std::size_t index) {
  const auto [place, is_new] = names.emplace(end, index);
  if (!is_new) place->second = kAmbiguous;
}

template <typename Names>
std::size_t index_of(const Names& names, std::string_view name) {
  const auto found = names.find(name);
  return found == names.end() ? kAmbiguous : found->second;
}

}  // namespace

AdapterTargets::Component::Component(const std::string& folder, const torch::nn::Module& module)
    : name(folder) {
  for (const auto& [layer, linear] : nn::linear_layers(module)) {
    const std::size_t index = layers.size();
    layers.push_back({name, layer, linear->weight.size(0), linear->weight.size(1)});
    names[layer] = index;
    for (std::size_t begin = 0; begin != std::string::npos;) {
      const auto end = layer.substr(begin);
      add_end(ends, end, index);
      add_end(joined_ends, joined(end), index);
      const auto dot = layer.find('.', begin);
      begin = dot == std::string::npos ? dot : dot + 1;
    }
  }
  // A whole name is not ambiguous, even if another name ends with it.
  for (const auto& [layer, index] : names) joined_ends[joined(layer)] = index;
}

const TargetLayer* AdapterTargets::Component::at(std::size_t index) const {
  return index == kAmbiguous ? nullptr : &layers[index];
}

const TargetLayer* AdapterTargets::Component::named(std::string_view path) const {
  return at(index_of(names, path));
}

void AdapterTargets::set_transformer(const std::string& component,
                                     const torch::nn::Module& module) {
  transformer_ = Component(component, module);
}

void AdapterTargets::set_generator(const std::string& component, const torch::nn::Module& module) {
  generator_ = Component(component, module);
}

const TargetLayer* AdapterTargets::by_end(const Component& component, std::string_view path) {
  return component.at(index_of(component.ends, path));
}

AdapterKey AdapterTargets::found_in(const Component& component, std::string_view path) {
  const auto* layer = component.named(path);
  if (layer == nullptr) layer = by_end(component, path);
  return {layer, TensorRole::kDown, std::string(path)};
}

AdapterKey AdapterTargets::found_joined(const Component& component, std::string_view path) {
  const auto* layer = component.at(index_of(component.joined_ends, path));
  return {layer, TensorRole::kDown, layer == nullptr ? "" : layer->name};
}

AdapterKey AdapterTargets::found_in_either(std::string_view path) const {
  const TargetLayer* layer = nullptr;
  for (const auto* component : {&transformer_, &generator_}) {
    if (layer == nullptr) layer = component->named(path);
  }
  if (layer == nullptr) {
    const auto *first = by_end(transformer_, path), *second = by_end(generator_, path);
    if (first == nullptr || second == nullptr) layer = first != nullptr ? first : second;
  }
  return {layer, TensorRole::kDown, std::string(path)};
}

AdapterKey AdapterTargets::find_layer(std::string_view path) const {
  for (const std::string_view kohya : {"lora_unet_", "lora_transformer_"}) {
    if (take(path, kohya)) return found_joined(transformer_, path);
  }
  for (const std::string_view kohya : {"lora_te_", "lora_te1_"}) {
    if (take(path, kohya)) return found_joined(generator_, path);
  }
  take(path, kPeft);
  for (const auto& prefix :
       {std::string("diffusion_model"), std::string("pipe.dit"), transformer_.name}) {
    if (take(path, prefix + '.')) return found_in(transformer_, path);
  }
  if (take(path, generator_.name + '.')) return found_in(generator_, path);
  auto found = found_in_either(path);
  // The language model alone, in a class that holds it as "model".
  if (std::string_view rest = path; found.layer == nullptr && take(rest, kHeld)) {
    found.layer = found_in_either(rest).layer;
  }
  return found;
}

AdapterKey AdapterTargets::find(std::string_view key) const {
  const auto parts = split_key(key);
  if (!parts) return {};
  auto found = find_layer(parts->path);
  found.role = parts->role;
  return found;
}

}  // namespace glm_image::adapters
