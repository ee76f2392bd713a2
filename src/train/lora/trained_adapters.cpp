#include "train/lora/trained_adapters.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/prefix.h"
#include "core/suffix.h"
#include "nn/low_rank_update.h"
#include "nn/modules.h"
#include "nn/parameter.h"

namespace glm_image::train {
namespace {

constexpr const char* kDownFactor = "lora_A";
constexpr const char* kUpFactor = "lora_B";

bool learns(const std::string& layer, const AdapterOptions& options) {
  const auto any = [&](const std::vector<std::string>& parts, const auto& matches) {
    return std::any_of(
        parts.begin(), parts.end(), [&](const auto& part) { return matches(layer, part); });
  };
  return any(options.prefixes, starts_with) && any(options.endings, ends_with);
}

/// The module at a dotted path below `root`, made with those above it where it is missing.
torch::nn::Module& module_at(torch::nn::Module& root, const std::string& path) {
  auto* module = &root;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    const auto name = path.substr(begin, end - begin);
    auto children = module->named_children();
    auto* child = children.find(name);
    module = child != nullptr
                 ? child->get()
                 : module->register_module(name, std::make_shared<torch::nn::Module>()).get();
    begin = end + 1;
  }
  return *module;
}

}  // namespace

TrainedAdapters::TrainedAdapters(torch::nn::Module& base, const AdapterOptions& options)
    : options_(options), module_(std::make_shared<torch::nn::Module>()) {
  for (auto& parameter : base.parameters()) parameter.requires_grad_(false);
  for (const auto& [name, layer] : nn::linear_layers(base)) {
    if (!learns(name, options)) continue;
    const auto& weight = layer->weight;
    auto& place = module_at(*module_, name);
    const auto parameter = [&](const char* factor, int64_t rows, int64_t columns) {
      auto& module = module_at(place, factor);
      return module.register_parameter(
          "weight", nn::unbound_parameter({rows, columns}, weight.options().requires_grad(false)));
    };
    nn::LowRankUpdate update;
    update.down = parameter(kDownFactor, options.rank, weight.size(1));
    update.up = parameter(kUpFactor, weight.size(0), options.rank);
    update.scale = options.alpha / static_cast<double>(options.rank);
    nn::attach_update(base, name + ".weight", update);
    ++layers_;
  }
  if (layers_ == 0) fail(ErrorCode::kInvalidInput, "no layer of the model is to learn");
}

void TrainedAdapters::initialise(const std::string& name, Tensor& weight, at::Generator& random) {
  if (name.find(concat(".", kUpFactor, ".")) != std::string::npos) {
    weight.zero_();
    return;
  }
  const double bound = 1 / std::sqrt(static_cast<double>(weight.size(1)));
  weight.copy_((2 * at::rand(weight.sizes(), random, at::TensorOptions(at::kFloat)) - 1) * bound);
}

NamedTensors TrainedAdapters::values() const {
  NamedTensors tensors;
  for (const auto& item : module_->named_parameters()) {
    tensors.emplace_back(item.key(), item.value().detach().cpu().clone());
  }
  return tensors;
}

}  // namespace glm_image::train
