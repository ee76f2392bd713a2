#include "quant/quantised_weights.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/suffix.h"
#include "io/json_file.h"
#include "io/shown.h"
#include "quant/bitsandbytes.h"
#include "quant/rotation.h"

namespace glm_image::quant {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kWeight = ".weight";

std::string module_of(const std::string& parameter) {
  return parameter.substr(0, parameter.size() - kWeight.size());
}

struct ConfigObject {
  json object;
  std::string source;
};

/// The quantization_config of a component: in its config.json (also inside text_config), or in a
/// file of its own. Throws kUnsupported where a file says that weights are rotated.
std::optional<ConfigObject> quantisation_config(const fs::path& component) {
  const auto path = component / "config.json";
  const auto config = io::read_json_file(path);
  refuse_rotations(config, path.string());
  const auto in = [&](const json& object) -> std::optional<ConfigObject> {
    if (!object.is_object()) return std::nullopt;
    const auto found = object.find("quantization_config");
    if (found == object.end() || !found->is_object()) return std::nullopt;
    return ConfigObject{*found, path.string()};
  };
  if (auto found = in(config)) return found;
  if (config.is_object() && config.contains("text_config")) {
    if (auto found = in(config["text_config"])) return found;
  }
  const auto own_file = component / "quantization_config.json";
  std::error_code error;
  if (!fs::exists(own_file, error)) return std::nullopt;
  auto object = io::read_json_file(own_file);
  refuse_rotations(object, own_file.string());
  if (!object.is_object()) return std::nullopt;
  return ConfigObject{std::move(object), own_file.string()};
}

/// Names of tensors that belong to a module beside its bias, by format.
const std::set<std::string>& parts_of_modules() {
  static const std::set<std::string> kParts = {
      "weight",
      // GPTQ and AutoRound
      "qweight",
      "qzeros",
      "scales",
      "g_idx",
      // bitsandbytes
      "weight.absmax",
      "weight.quant_map",
      "weight.nested_absmax",
      "weight.nested_quant_map",
      "weight.quant_state.bitsandbytes__nf4",
      "weight.quant_state.bitsandbytes__fp4",
      "SCB",
      "weight_format",
      // SDNQ
      "scale",
      "zero_point",
      "svd_up",
      "svd_down",
      // compressed-tensors; the scales of activations are not used
      "weight_packed",
      "weight_scale",
      "weight_shape",
      "weight_zero_point",
      "weight_g_idx",
      "input_scale",
      "input_zero_point",
      "output_scale",
      "output_zero_point"};
  return kParts;
}

std::shared_ptr<const nn::QuantisedMatrix> matrix_of(const IntegerWeight& weight, bool in_place) {
  return std::make_shared<nn::QuantisedMatrix>(weight.form, *weight.words, weight.scales, in_place);
}

/// A copy in the kernels' order; null without a weight.
std::shared_ptr<const nn::QuantisedMatrix> packed_copy(const std::optional<IntegerWeight>& weight) {
  if (!weight) return nullptr;
  if (weight->words) return matrix_of(*weight, /*in_place=*/false);
  return std::make_shared<nn::QuantisedMatrix>(weight->form, weight->read, weight->scales);
}

}  // namespace

std::unique_ptr<QuantisedWeights> QuantisedWeights::open(const fs::path& component,
                                                         const io::WeightSet& weights) {
  const auto& tensors = weights.tensors();
  const bool all_floating = std::all_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return io::is_floating(tensor.second.entry->type);
  });
  std::error_code error;
  if (all_floating && !fs::exists(component / "config.json", error)) return nullptr;
  const auto config = quantisation_config(component);
  if (all_floating) return nullptr;
  std::unique_ptr<QuantisedWeights> quantised(new QuantisedWeights(weights));
  if (config) quantised->read_config(config->object, config->source);
  quantised->find_modules();
  return quantised->modules_.empty() ? nullptr : std::move(quantised);
}

void QuantisedWeights::read_config(const json& object, const std::string& source) {
  const auto named = object.find("quant_method");
  // bitsandbytes wrote no name at first.
  const auto method = named != object.end() && named->is_string() ? named->get<std::string>()
                      : object.contains("load_in_4bit") || object.contains("load_in_8bit")
                          ? "bitsandbytes"
                          : "";
  if (method == "auto-round" || method == "intel/auto-round" || method == "gptq") {
    gptq_ = gptq::parse_config(object, source);
  } else if (method == "sdnq") {
    sdnq_ = sdnq::parse_config(object, source);
  } else if (method == "compressed-tensors") {
    compressed_tensors_ = compressed_tensors::parse_config(object, source);
  } else if (method != "bitsandbytes") {
    fail(ErrorCode::kUnsupported,
         source,
         ": its weights are quantised by ",
         named == object.end() ? "an unnamed method" : io::shown(&*named),
         ", which is not read; auto-round, gptq, sdnq, bitsandbytes and compressed-tensors are");
  }
}

void QuantisedWeights::find_modules() {
  for (const auto& [name, location] : weights_.tensors()) {
    for (const std::string_view suffix :
         {std::string_view(".qweight"), std::string_view(".weight_packed"), kWeight}) {
      if (!ends_with(name, suffix)) continue;
      const auto module = name.substr(0, name.size() - suffix.size());
      const ModuleParts parts(weights_, module);
      if (gptq::recognises(parts) && parts.has("weight")) {
        parts.refuse("weight", "absent beside qweight");
      }
      if (gptq::recognises(parts)) {
        modules_[module] = Format::kGptq;
      } else if (bitsandbytes::recognises(parts)) {
        modules_[module] = Format::kBitsandbytes;
      } else if (sdnq::recognises(parts)) {
        modules_[module] = Format::kSdnq;
      } else if (compressed_tensors::recognises(parts)) {
        modules_[module] = Format::kCompressedTensors;
      }
    }
  }
}

bool QuantisedWeights::holds(const std::string& parameter) const {
  return ends_with(parameter, kWeight) && modules_.count(module_of(parameter)) != 0;
}

std::string QuantisedWeights::parameter_of(const std::string& tensor) const {
  for (auto dot = tensor.find('.'); dot != std::string::npos; dot = tensor.find('.', dot + 1)) {
    auto module = tensor.substr(0, dot);
    if (modules_.count(module) != 0 && parts_of_modules().count(tensor.substr(dot + 1)) != 0) {
      return module.append(kWeight);
    }
  }
  return "";
}

ModuleParts QuantisedWeights::module_parts(const std::string& parameter,
                                           at::IntArrayRef shape) const {
  if (shape.size() != 2) {
    fail(ErrorCode::kUnsupported,
         weights_.folder().string(),
         ": ",
         io::shown_name(parameter),
         " is quantised and no matrix; only weights of linear layers are read so");
  }
  return {weights_, module_of(parameter)};
}

std::vector<io::WeightSet::Location> QuantisedWeights::parts_of(
    const std::string& parameter) const {
  const auto module = module_of(parameter);
  std::vector<io::WeightSet::Location> parts;
  for (const auto& part : parts_of_modules()) {
    const auto* location = weights_.find(concat(module, ".", part));
    if (location != nullptr) parts.push_back(*location);
  }
  return parts;
}

ReadFloats QuantisedWeights::floats(const std::string& parameter, at::IntArrayRef shape) const {
  const auto parts = module_parts(parameter, shape);
  const int64_t out = shape[0], in = shape[1];
  switch (modules_.at(module_of(parameter))) {
    case Format::kGptq:
      return gptq::floats(parts, out, in, gptq_);
    case Format::kBitsandbytes:
      return bitsandbytes::floats(parts, out, in);
    case Format::kSdnq:
      return sdnq::floats(parts, out, in, sdnq_);
    case Format::kCompressedTensors:
      return compressed_tensors::floats(parts, out, in, compressed_tensors_);
  }
  fail(ErrorCode::kInternal, "a quantised module without a format");
}

Tensor QuantisedWeights::unpack(const std::string& parameter,
                                at::IntArrayRef shape,
                                at::ScalarType type) const {
  const auto read = floats(parameter, shape);
  return read_values(read, shape[0], shape[1], type);
}

Tensor QuantisedWeights::unpack_part(const std::string& parameter,
                                     const io::WeightCut& cut,
                                     at::ScalarType type) const {
  return read_part(floats(parameter, cut.shape), cut, type);
}

std::optional<IntegerWeight> QuantisedWeights::integers(const std::string& parameter,
                                                        at::IntArrayRef shape) const {
  const auto parts = module_parts(parameter, shape);
  const int64_t out = shape[0], in = shape[1];
  switch (modules_.at(module_of(parameter))) {
    case Format::kGptq:
      return gptq::integers(parts, out, in, gptq_);
    case Format::kBitsandbytes:
      return bitsandbytes::integers(parts, out, in);
    case Format::kSdnq:
      return sdnq::integers(parts, out, in, sdnq_);
    case Format::kCompressedTensors:
      return compressed_tensors::integers(parts, out, in, compressed_tensors_);
  }
  fail(ErrorCode::kInternal, "a quantised module without a format");
}

std::string QuantisedWeights::form_text(const std::string& parameter, at::IntArrayRef shape) const {
  struct Parts {
    const char* method;
    const char* integers;
    std::vector<const char*> scales;
  };
  static const std::map<Format, Parts> kParts = {
      {Format::kGptq, {"gptq", "qweight", {"scales"}}},
      {Format::kBitsandbytes, {"bitsandbytes", "weight", {"weight.absmax", "SCB"}}},
      {Format::kSdnq, {"sdnq", "weight", {"scale"}}},
      {Format::kCompressedTensors, {"compressed-tensors", "weight_packed", {"weight_scale"}}}};
  const auto parts = module_parts(parameter, shape);
  const auto& names = kParts.at(modules_.at(module_of(parameter)));
  const auto* integers = parts.entry(names.integers);
  if (integers == nullptr) integers = parts.entry("weight");
  const int64_t count = shape[0] * shape[1];
  const auto bytes =
      integers == nullptr ? 0 : static_cast<int64_t>(integers->end - integers->begin);
  for (const char* const name : names.scales) {
    const auto* entry = parts.entry(name);
    if (entry == nullptr) continue;
    int64_t scales = 1;
    for (const int64_t size : entry->shape) scales *= size;
    return concat(names.method,
                  ", ",
                  8 * bytes / count,
                  " bits, groups of ",
                  count / std::max<int64_t>(scales, 1));
  }
  return names.method;
}

std::shared_ptr<const nn::QuantisedMatrix> QuantisedWeights::pack(const std::string& parameter,
                                                                  at::IntArrayRef shape) const {
  return packed_copy(integers(parameter, shape));
}

std::optional<IntegerWeight> QuantisedWeights::integers_of_part(const std::string& parameter,
                                                                const io::WeightCut& cut) const {
  const auto whole = integers(parameter, cut.shape);
  return whole ? cut_integers(*whole, cut) : std::nullopt;
}

std::shared_ptr<const nn::QuantisedMatrix> QuantisedWeights::pack_part(
    const std::string& parameter, const io::WeightCut& cut) const {
  return packed_copy(integers_of_part(parameter, cut));
}

int64_t QuantisedWeights::packed_part_bytes(const std::string& parameter,
                                            const io::WeightCut& cut) const {
  const auto weight = integers_of_part(parameter, cut);
  return weight ? weight->form.bytes() : 0;
}

std::shared_ptr<const nn::QuantisedMatrix> QuantisedWeights::view(const std::string& parameter,
                                                                  at::IntArrayRef shape) const {
  const auto weight = integers(parameter, shape);
  return weight && weight->words ? matrix_of(*weight, /*in_place=*/true) : nullptr;
}

int64_t QuantisedWeights::packed_bytes(const std::string& parameter, at::IntArrayRef shape) const {
  const auto weight = integers(parameter, shape);
  return weight ? weight->form.bytes() : 0;
}

}  // namespace glm_image::quant
