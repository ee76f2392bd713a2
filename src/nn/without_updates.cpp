#include "nn/without_updates.h"

namespace glm_image::nn {

WithoutUpdates::WithoutUpdates(const torch::nn::Module& module) {
  for (const auto& [name, layer] : linear_layers(module)) {
    if (layer->updates.empty()) continue;
    std::vector<LowRankUpdate> frozen;
    for (const auto& update : layer->updates) {
      if (!update.down.requires_grad()) frozen.push_back(update);
    }
    removed_.emplace_back(layer, std::exchange(layer->updates, std::move(frozen)));
  }
}

WithoutUpdates::~WithoutUpdates() {
  for (auto& [layer, updates] : removed_) layer->updates = std::move(updates);
}

}  // namespace glm_image::nn
