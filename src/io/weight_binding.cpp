#include "io/weight_binding.h"

#include <set>

#include "core/error.h"
#include "io/shown.h"
#include "nn/parameter.h"

namespace glm_image::io {
namespace {

bool is_allowed(const std::string& name, const std::vector<std::string>& allowed) {
  for (const auto& pattern : allowed) {
    if (name == pattern) return true;
    if (pattern.back() == '.' && name.compare(0, pattern.size(), pattern) == 0) return true;
  }
  return false;
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
    if (location == nullptr) {
      if (is_allowed(name, options.allowed_missing)) continue;
      fail(ErrorCode::kCorruptFile,
           weights.folder().string(),
           ": the tensor '",
           name,
           "' of shape ",
           shape_text(item.value().sizes()),
           " is missing");
    }
    const auto& entry = *location->entry;
    if (item.value().sizes() != at::IntArrayRef(entry.shape)) {
      fail(ErrorCode::kCorruptFile,
           weights.source_of(name),
           ": the tensor '",
           name,
           "' has the shape ",
           shape_text(entry.shape),
           "; config.json asks for ",
           shape_text(item.value().sizes()));
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
  const auto parameters = module.named_parameters();
  verify_weights(module, weights, options);

  const auto is_packed = [&](const std::string& name) {
    return options.packed != nullptr && options.packed->holds(name);
  };
  const auto is_wanted = [&](const std::string& name) {
    return (!options.wanted || options.wanted(name)) &&
           (is_packed(name) || weights.find(name) != nullptr);
  };
  // A packed parameter counts one byte a value: its parts take about as much.
  const auto bytes_of = [&](const auto& item) {
    if (is_packed(item.key())) return static_cast<uint64_t>(item.value().numel());
    const auto& entry = *weights.find(item.key())->entry;
    return entry.end - entry.begin;
  };
  const auto stored = [&](const auto& item) {
    if (is_packed(item.key())) return options.packed->unpack(item.key(), item.value().sizes());
    const auto& location = *weights.find(item.key());
    location.file->file().prefetch(location.entry->begin, location.entry->end);
    return location.file->tensor(item.key());
  };
  uint64_t total = 0, done = 0;
  for (const auto& item : parameters) {
    if (is_wanted(item.key())) total += bytes_of(item);
  }
  for (const auto& item : parameters) {
    if (!is_wanted(item.key())) continue;
    const auto values = stored(item);
    const auto type = options.dtype.value_or(values.scalar_type());
    const auto& parameter = item.value();
    // Neither device nor type may differ from the placeholder's: set_data would refuse.
    parameter.set_data(values.to(options.device, type));
    done += bytes_of(item);
    if (options.progress) options.progress(done, total);
  }
}

void unbind_weights(torch::nn::Module& module) {
  for (auto& parameter : module.parameters()) {
    parameter.set_data(nn::unbound_parameter(parameter.sizes(), parameter.options()));
  }
}

}  // namespace glm_image::io
