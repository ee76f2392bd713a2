#include "nn/low_rank_update.h"

#include "core/error.h"
#include "nn/functional.h"
#include "nn/modules.h"

namespace glm_image::nn {
namespace {

LinearImpl* find_linear(torch::nn::Module& module, const std::string& parameter) {
  for (const auto& [name, layer] : linear_layers(module)) {
    // The module itself, which may be a layer, has no name.
    if (parameter == (name.empty() ? "weight" : name + ".weight")) return layer;
  }
  return nullptr;
}

}  // namespace

Tensor add_updates(Tensor y, const Tensor& x, const std::vector<LowRankUpdate>& updates) {
  const auto type = x.scalar_type();
  for (const auto& update : updates) {
    const auto inner = linear(x, update.down.to(type), /*bias=*/Tensor());
    const auto change = linear(inner, update.up.to(type), /*bias=*/Tensor());
    const bool needs_gradient =
        at::GradMode::is_enabled() && (y.requires_grad() || change.requires_grad());
    y = needs_gradient ? at::add(y, change, update.scale) : y.add_(change, update.scale);
  }
  return y;
}

void attach_update(torch::nn::Module& module, const std::string& parameter, LowRankUpdate update) {
  auto* layer = find_linear(module, parameter);
  if (layer == nullptr) {
    fail(ErrorCode::kInvalidInput, "no linear layer has a weight named '", parameter, "'");
  }
  const auto &down = update.down, &up = update.up;
  const int64_t out = layer->weight.size(0), in = layer->weight.size(1);
  if (down.dim() != 2 || up.dim() != 2 || down.size(1) != in || up.size(0) != out ||
      down.size(0) != up.size(1) || down.size(0) < 1) {
    fail(ErrorCode::kInvalidInput,
         "'",
         parameter,
         "' of shape ",
         layer->weight.sizes(),
         " takes factors [rank, ",
         in,
         "] and [",
         out,
         ", rank]; found ",
         down.sizes(),
         " and ",
         up.sizes());
  }
  layer->updates.push_back(std::move(update));
}

void detach_updates(torch::nn::Module& module) {
  for (const auto& [name, layer] : linear_layers(module)) layer->updates.clear();
}

}  // namespace glm_image::nn
