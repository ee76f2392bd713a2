#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/adapter_keys.h"
#include "core/torch.h"

namespace glm_image::adapters {

/// A linear layer that an adapter may change.
struct TargetLayer {
  std::string component;  ///< the folder in the checkpoint: "transformer"
  std::string name;       ///< in the component: "transformer_blocks.0.attn1.to_q"
  int64_t out = 0, in = 0;
};

struct AdapterKey {
  const TargetLayer* layer = nullptr;  ///< null if the key names no layer that can be changed
  TensorRole role = TensorRole::kDown;
  /// The layer's name as the trainer saw it: the key without the spelling's prefix. Parts of
  /// `layer->name` may be missing at its beginning.
  std::string path = {};
};

/// The linear layers of a transformer and a generator, and the names that trainers give to them.
class AdapterTargets {
 public:
  /// `component`: the module's folder in the checkpoint.
  void set_transformer(const std::string& component, const torch::nn::Module& module);
  void set_generator(const std::string& component, const torch::nn::Module& module);

  /// Reads a tensor's name in any of the spellings of docs/adapters.md. The result is valid as long
  /// as this lives.
  AdapterKey find(std::string_view key) const;

 private:
  /// Indices of layers, or kAmbiguous.
  using Names = std::map<std::string, std::size_t, std::less<>>;

  struct Component {
    Component() = default;
    Component(const std::string& folder, const torch::nn::Module& module);
    /// Null for kAmbiguous.
    const TargetLayer* at(std::size_t index) const;
    /// The layer of exactly this name.
    const TargetLayer* named(std::string_view path) const;

    std::string name;
    std::vector<TargetLayer> layers;
    Names names;
    /// Whole parts at the ends of names: "layers.0.self_attn.q_proj" of
    /// "model.language_model.layers.0.self_attn.q_proj". `joined` has underscores for dots.
    Names ends, joined_ends;
  };
  static const TargetLayer* by_end(const Component& component, std::string_view path);
  static AdapterKey found_in(const Component& component, std::string_view path);
  static AdapterKey found_joined(const Component& component, std::string_view path);
  AdapterKey found_in_either(std::string_view path) const;
  AdapterKey find_layer(std::string_view path) const;

  Component transformer_, generator_;
};

}  // namespace glm_image::adapters
