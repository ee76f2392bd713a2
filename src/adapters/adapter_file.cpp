#include "adapters/adapter_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "adapters/alpha_rules.h"
#include "core/error.h"
#include "glm_image/limits.h"
#include "io/shown.h"
#include "io/weight_binding.h"
#include "nn/modules.h"

namespace glm_image::adapters {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPeftConfig = "adapter_config.json";

/// PEFT's keys say that the scale is in the config beside the file.
bool has_peft_keys(const io::SafetensorsHeader& header) {
  const std::string prefix = "base_model.";
  const auto first = header.tensors.lower_bound(prefix);
  return first != header.tensors.end() && first->first.compare(0, prefix.size(), prefix) == 0;
}

/// Whether PEFT's config in the folder of a file is that of this file: the folder may hold other
/// adapters too.
bool owns_config(const io::SafetensorsHeader& header, const fs::path& weights) {
  if (has_fixed_name(weights) || has_peft_keys(header)) return true;
  return adapters_in(fs::absolute(weights).parent_path()).size() == 1;
}

/// The settings of a file: in its metadata, or in the config beside it.
AlphaRules alpha_rules(const io::SafetensorsHeader& header, const fs::path& weights) {
  if (auto rules = AlphaRules::from_metadata(header.metadata, weights.string())) return *rules;
  const auto config = weights.parent_path() / kPeftConfig;
  std::error_code error;
  const bool has_config = fs::is_regular_file(config, error);
  if (has_config && owns_config(header, weights)) return AlphaRules::from_config(config);
  if (!has_peft_keys(header)) return {};
  fail(ErrorCode::kNotFound,
       weights.string(),
       ": is an adapter of PEFT; its scale is in ",
       kPeftConfig,
       ", which is not beside it");
}

/// The types of a trainer's alpha: musubi-tuner writes integers.
bool is_number_type(io::ElementType type) {
  switch (type) {
    case io::ElementType::kFloat64:
    case io::ElementType::kInt64:
    case io::ElementType::kInt32:
    case io::ElementType::kInt16:
    case io::ElementType::kInt8:
    case io::ElementType::kUInt8:
      return true;
    default:
      return io::is_floating(type);
  }
}

/// Without the sizes 1 at the end of the kernel of a convolution that is a linear layer.
std::vector<int64_t> matrix_shape(std::vector<int64_t> shape) {
  if (shape.size() == 4 && shape[2] == 1 && shape[3] == 1) shape.resize(2);
  return shape;
}

/// The tensors of one layer in a file; null for missing ones.
struct Parts {
  const std::string *down = nullptr, *up = nullptr, *alpha = nullptr;
  std::string path;  ///< AdapterKey::path

  const std::string*& of(TensorRole role) {
    return role == TensorRole::kDown ? down : role == TensorRole::kUp ? up : alpha;
  }
};

/// Reads the header of one file.
class HeaderReader {
 public:
  explicit HeaderReader(const io::SafetensorsFile& file)
      : file_(file), source_(file.file().path().string()) {}

  AdaptedLayer layer(const TargetLayer& target, const Parts& parts, const AlphaRules& rules) const {
    require_pair(parts);
    const auto &down = entry(*parts.down), &up = entry(*parts.up);
    require_factor(*parts.down);
    require_factor(*parts.up);
    const auto down_shape = matrix_shape(down.shape), up_shape = matrix_shape(up.shape);
    const int64_t rank = down_shape[0];
    if (rank < 1 || down_shape[1] != target.in) {
      refuse(*parts.down, concat("must have the shape [rank, ", target.in, ']'));
    }
    if (up_shape != std::vector<int64_t>{target.out, rank}) {
      refuse(*parts.up, concat("must have the shape [", target.out, ", ", rank, ']'));
    }
    const double scale = parts.alpha != nullptr
                             ? read_alpha(*parts.alpha) / static_cast<double>(rank)
                             : rules.scale(target, parts.path, rank);
    require_scale(target, scale);
    return {target.component, target.name, *parts.down, *parts.up, rank, scale};
  }

  /// Files of other methods have tensors with LoRA's names too.
  void require_lora() const {
    for (const auto& [key, entry] : file_.header().tensors) {
      const auto method = other_method(key);
      if (!method.empty()) refuse_method(source_, method, "the tensor " + io::shown_name(key));
    }
  }

  [[noreturn]] void refuse_key(const std::string& key) const {
    fail(ErrorCode::kCorruptFile,
         source_,
         ": the tensor ",
         io::shown_name(key),
         " belongs to no linear layer of this model as LoRA's A, B or alpha");
  }

  [[noreturn]] void refuse_repeated(const std::string& key, const std::string& other) const {
    fail(ErrorCode::kCorruptFile,
         source_,
         ": the tensors ",
         io::shown_name(other),
         " and ",
         io::shown_name(key),
         " are for the same layer");
  }

 private:
  const io::TensorEntry& entry(const std::string& key) const {
    return file_.header().tensors.at(key);
  }

  [[noreturn]] void refuse(const std::string& key, const std::string& expected) const {
    fail(ErrorCode::kCorruptFile,
         source_,
         ": the tensor ",
         io::shown_name(key),
         ' ',
         expected,
         "; it is ",
         io::element_type_name(entry(key).type),
         ' ',
         io::shape_text(entry(key).shape));
  }

  void require_pair(const Parts& parts) const {
    if (parts.down != nullptr && parts.up != nullptr) return;
    const auto* found = parts.down != nullptr ? parts.down
                        : parts.up != nullptr ? parts.up
                                              : parts.alpha;
    fail(ErrorCode::kCorruptFile,
         source_,
         ": the tensor ",
         io::shown_name(*found),
         " has no counterpart; a layer needs A and B");
  }

  void require_factor(const std::string& key) const {
    if (!io::is_floating(entry(key).type) || matrix_shape(entry(key).shape).size() != 2) {
      refuse(key, "must be a matrix of F32, F16 or BF16");
    }
  }

  /// The product with the adapter's strength must be a float.
  void require_scale(const TargetLayer& target, double scale) const {
    constexpr double kMost = std::numeric_limits<float>::max() / limits::kMaxAdapterScale;
    if (std::abs(scale) <= kMost) return;
    fail(ErrorCode::kCorruptFile,
         source_,
         ": the alpha of the layer ",
         io::shown_name(target.name),
         " is too large; alpha/rank is ",
         scale);
  }

  double read_alpha(const std::string& key) const {
    const auto& shape = entry(key).shape;
    if (!is_number_type(entry(key).type) || !(shape.empty() || shape == std::vector<int64_t>{1})) {
      refuse(key, "must be one number");
    }
    const double alpha = file_.tensor(key).to(at::kDouble).item<double>();
    if (!std::isfinite(alpha)) refuse(key, "must be a finite number");
    return alpha;
  }

  const io::SafetensorsFile& file_;
  std::string source_;
};

}  // namespace

AdapterFile AdapterFile::open(const fs::path& path, const AdapterTargets& targets) {
  AdapterFile adapter;
  adapter.name_ = adapter_name(path);
  const auto weights = adapter_weights(path);
  adapter.file_ = io::SafetensorsFile::open(weights);
  const auto& header = adapter.file_->header();
  if (header.tensors.empty()) fail(ErrorCode::kCorruptFile, weights.string(), ": has no tensors");
  const HeaderReader reader(*adapter.file_);
  // Before the tensors: it may say that they are those of another method.
  const auto rules = alpha_rules(header, weights);
  reader.require_lora();

  std::map<std::pair<std::string, std::string>, std::pair<const TargetLayer*, Parts>> found;
  for (const auto& [key, entry] : header.tensors) {
    const auto parsed = targets.find(key);
    if (parsed.layer == nullptr) reader.refuse_key(key);
    auto& [layer, parts] = found[{parsed.layer->component, parsed.layer->name}];
    layer = parsed.layer;
    parts.path = parsed.path;
    auto& part = parts.of(parsed.role);
    if (part != nullptr) reader.refuse_repeated(key, *part);
    part = &key;
  }
  for (const auto& [name, layer] : found) {
    adapter.layers_.push_back(reader.layer(*layer.first, layer.second, rules));
  }
  return adapter;
}

bool AdapterFile::changes(const std::string& component) const {
  return std::any_of(layers_.begin(), layers_.end(), [&](const auto& layer) {
    return layer.component == component;
  });
}

/// Whether the update of a layer is other than zero. Reads the factors at its first call for a
/// layer. Throws kCorruptFile, naming the tensor, for a value that is not finite.
bool AdapterFile::check(const AdaptedLayer& layer) const {
  const std::lock_guard lock(checked_->mutex);
  const auto known = checked_->changes.find(layer.down);
  if (known != checked_->changes.end()) return known->second;
  for (const auto& key : {layer.down, layer.up}) {
    if (file_->tensor(key).isfinite().all().item<bool>()) continue;
    fail(ErrorCode::kCorruptFile,
         path().string(),
         ": the tensor ",
         io::shown_name(key),
         " has a value that is not finite");
  }
  return checked_->changes[layer.down] = file_->tensor(layer.up).any().item<bool>();
}

int64_t AdapterFile::attached_bytes(const std::string& component, at::ScalarType type) const {
  int64_t bytes = 0;
  for (const auto& layer : layers_) {
    if (layer.component != component) continue;
    for (const auto* key : {&layer.down, &layer.up}) {
      const auto& entry = file_->header().tensors.at(*key);
      const auto stored = static_cast<int64_t>(entry.end - entry.begin);
      const auto stored_type = io::scalar_type(entry.type);
      bytes += stored;
      if (stored_type == type) continue;
      bytes += stored / static_cast<int64_t>(c10::elementSize(stored_type)) *
               static_cast<int64_t>(c10::elementSize(type));
    }
  }
  return bytes;
}

nn::LowRankUpdate AdapterFile::update(const AdaptedLayer& layer,
                                      double scale,
                                      const at::TensorOptions& options) const {
  check(layer);
  // Of four dimensions, the last two are 1.
  return {file_->tensor(layer.down).flatten(1).to(options),
          file_->tensor(layer.up).flatten(1).to(options),
          layer.scale * scale};
}

void AdapterFile::attach_to(torch::nn::Module& module,
                            const std::string& component,
                            double scale,
                            const io::WeightCuts& cuts) const {
  std::map<std::string, nn::LinearImpl*> linear;
  for (const auto& [name, layer] : nn::linear_layers(module)) linear[name] = layer;
  for (const auto& layer : layers_) {
    if (layer.component != component || layer.scale * scale == 0) continue;
    if (!check(layer)) continue;
    auto* target = linear.at(layer.name);
    auto change = update(layer, scale, target->weight.options());
    if (const auto* cut = io::find_cut(cuts, layer.name + ".weight")) {
      // Rows are outputs, columns inputs.
      auto& factor = cut->dimension == 0 ? change.up : change.down;
      factor = io::apply_cut(factor, *cut);
    }
    target->updates.push_back(std::move(change));
  }
}

}  // namespace glm_image::adapters
