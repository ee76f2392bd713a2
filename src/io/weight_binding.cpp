#include "io/weight_binding.h"

#include <set>

#include "core/error.h"
#include "core/prefix.h"
#include "io/parameter_binder.h"
#include "io/shown.h"
#include "nn/modules.h"
#include "nn/parameter.h"

namespace glm_image::io {
namespace {

bool is_allowed(const std::string& name, const std::vector<std::string>& allowed) {
  for (const auto& pattern : allowed) {
    if (name == pattern) return true;
    if (pattern.back() == '.' && starts_with(name, pattern)) return true;
  }
  return false;
}

/// The shape that the stored tensor of a parameter must have.
at::IntArrayRef stored_shape(const std::string& name,
                             const Tensor& parameter,
                             const BindingOptions& options) {
  const auto* cut = find_cut(options.cuts, name);
  return cut == nullptr ? parameter.sizes() : at::IntArrayRef(cut->shape);
}

}  // namespace

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

std::vector<std::string> verify_weights(const torch::nn::Module& module,
                                        const WeightSet& weights,
                                        const BindingOptions& options) {
  std::set<std::string> expected;
  for (const auto& item : module.named_parameters()) {
    const auto& name = item.key();
    expected.insert(name);
    if (options.packed != nullptr && options.packed->holds(name)) continue;
    const auto* location = weights.find(name);
    const auto shape = stored_shape(name, item.value(), options);
    if (location == nullptr) {
      if (is_allowed(name, options.allowed_missing)) continue;
      fail(ErrorCode::kCorruptFile,
           weights.folder().string(),
           ": the tensor '",
           name,
           "' of shape ",
           shape_text(shape),
           " is missing");
    }
    const auto& entry = *location->entry;
    if (shape != at::IntArrayRef(entry.shape)) {
      fail(ErrorCode::kCorruptFile,
           weights.source_of(name),
           ": the tensor '",
           name,
           "' has the shape ",
           shape_text(entry.shape),
           "; config.json asks for ",
           shape_text(shape));
    }
    if (!is_floating(entry.type)) {
      fail(ErrorCode::kCorruptFile,
           weights.source_of(name),
           ": the tensor '",
           name,
           "' is ",
           element_type_name(entry.type),
           "; expected F32, F16 or BF16");
    }
  }
  std::vector<std::string> unexpected;
  for (const auto& [name, location] : weights.tensors()) {
    const auto parameter = options.packed == nullptr ? "" : options.packed->parameter_of(name);
    if (expected.count(parameter.empty() ? name : parameter) != 0 ||
        is_allowed(name, options.allowed_unexpected)) {
      continue;
    }
    if (options.strict) {
      fail(ErrorCode::kCorruptFile,
           weights.source_of(name),
           ": the tensor ",
           shown_name(name),
           " of shape ",
           shape_text(location.entry->shape),
           " belongs to no part of the model that config.json describes");
    }
    unexpected.push_back(name);
  }
  return unexpected;
}

void bind_weights(torch::nn::Module& module,
                  const WeightSet& weights,
                  const BindingOptions& options) {
  ParameterBinder binder(module, weights, options);
  uint64_t total = 0, done = 0;
  for (const auto& name : binder.names()) total += binder.stored_bytes(name);
  for (const auto& name : binder.names()) {
    binder.read_ahead(name);
    binder.bind(name);
    done += binder.stored_bytes(name);
    if (options.progress) options.progress(done, total);
  }
}

void unbind_weights(torch::nn::Module& module) {
  for (const auto& [name, layer] : nn::linear_layers(module)) layer->quantised = nullptr;
  for (auto& parameter : module.parameters()) {
    parameter.set_data(nn::unbound_parameter(parameter.sizes(), parameter.options()));
  }
}

}  // namespace glm_image::io
