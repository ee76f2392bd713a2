#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/torch.h"

namespace glm_image::adapters {

/// A linear layer that an adapter may change.
struct TargetLayer {
  std::string component;  ///< the folder in the checkpoint: "transformer"
  std::string name;       ///< in the component: "transformer_blocks.0.attn1.to_q"
  int64_t out = 0, in = 0;
};

/// The role of a tensor of an adapter file in its layer.
enum class TensorRole {
  kDown,   ///< A, [rank, in]
  kUp,     ///< B, [out, rank]
  kAlpha,  ///< a number; the scale is alpha/rank
};

struct AdapterKey {
  const TargetLayer* layer = nullptr;  ///< null if the key names no layer that can be changed
  TensorRole role = TensorRole::kDown;
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
  struct Component {
    Component() = default;
    Component(const std::string& folder, const torch::nn::Module& module);
    /// `path`: a layer's name, or that of a layer of the language model in it.
    const TargetLayer* find(std::string_view path) const;
    /// The same for names with underscores in place of dots.
    const TargetLayer* find_joined(std::string_view path) const;

    std::string name;
    std::map<std::string, TargetLayer, std::less<>> layers, joined_layers;
  };
  const TargetLayer* find_layer(std::string_view path) const;

  Component transformer_, generator_;
};

}  // namespace glm_image::adapters
