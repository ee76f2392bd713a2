#include "pipeline/quantised_component.h"

#include <set>

#include "core/error.h"
#include "core/prefix.h"
#include "core/suffix.h"
#include "nn/modules.h"
#include "pipeline/checkpoint_copy.h"

namespace glm_image::pipeline {
namespace {

using Action = CopiedWeight::Action;
using Tensors = std::vector<io::TensorDescription>;

constexpr std::string_view kWeightSuffix = ".weight";

/// The part of a weight file's name that all files of a component share.
std::string stem_of(const io::WeightSet& weights) {
  const auto file = weights.tensors().begin()->second.file->file().path().filename().string();
  constexpr const char* kStem = "diffusion_pytorch_model";
  return starts_with(file, kStem) ? kStem : "model";
}

std::string layer_of(const std::string& parameter) {
  return parameter.substr(0, parameter.size() - kWeightSuffix.size());
}

/// Drops the pages of a parameter's files that were read.
void release(const StoredWeights& stored, const std::string& parameter) {
  for (const auto& part : stored.packed->parts_of(parameter)) {
    part.file->file().release(part.entry->begin, part.entry->end);
  }
}

/// Decides what becomes of the weights of a component.
class ComponentPlanner {
 public:
  ComponentPlanner(const torch::nn::Module& module,
                   const StoredWeights& stored,
                   const quant::FormRules& rules,
                   QuantisedComponent& component)
      : stored_(stored), component_(component) {
    for (const auto& [layer, linear] : nn::linear_layers(module)) {
      const auto form = rules.form_of(component.name, layer).for_inputs(linear->weight.size(1));
      component_.chosen_layers += form.is_quantised() ? 1 : 0;
      forms_.emplace(layer, form);
    }
    for (const auto& parameter : module.named_parameters()) {
      shapes_[parameter.key()] = parameter.value().sizes().vec();
    }
  }

  /// The tensors that the stored tensor `name` becomes; none if it is a part of a weight that came
  /// before.
  Tensors add(const std::string& name, const io::TensorEntry& entry) {
    const auto packed = stored_.packed == nullptr ? "" : stored_.packed->parameter_of(name);
    const auto shape = shapes_.find(packed);
    if (shape != shapes_.end()) {
      if (!seen_.insert(packed).second) return {};
      auto tensors = add_packed(packed, shape->second);
      release(stored_, packed);
      return tensors;
    }
    const auto form = ends_with(name, kWeightSuffix) ? forms_.find(layer_of(name)) : forms_.end();
    if (form != forms_.end() && form->second.is_quantised()) {
      return quantise(name, entry.shape, form->second);
    }
    return take({Action::kKeep, name, entry.shape, {}}, {{name, entry.type, entry.shape}});
  }

  quant::LayerForms layer_forms(const torch::nn::Module& module) const {
    quant::LayerForms layers;
    for (const auto& [layer, linear] : nn::linear_layers(module)) {
      const auto found = made_.find(layer);
      layers.emplace_back(layer, found == made_.end() ? quant::WeightForm{} : found->second);
    }
    return layers;
  }

 private:
  /// Of integers that are stored, those of the form that is asked for stay, and so do those of
  /// layers that the rules leave alone. Everything else is rounded again, or unpacked.
  Tensors add_packed(const std::string& parameter, const std::vector<int64_t>& shape) {
    const auto wanted = forms_.find(layer_of(parameter));
    if (wanted == forms_.end()) return unpack(parameter, shape);
    const auto integers = stored_.packed->integers(parameter, shape);
    if (integers) {
      const auto form = quant::form_of(*integers);
      const bool is_kept = !wanted->second.is_quantised();
      if (is_kept || (form.bits == wanted->second.bits && form.group == wanted->second.group)) {
        return take({Action::kIntegers, parameter, shape, form},
                    quant::integer_tensors(layer_of(parameter), *integers));
      }
    }
    if (!wanted->second.is_quantised()) return unpack(parameter, shape);
    ++component_.rounded_twice[stored_.packed->form_text(parameter, shape)];
    return quantise(parameter, shape, wanted->second);
  }

  Tensors unpack(const std::string& parameter, const std::vector<int64_t>& shape) {
    return take({Action::kUnpack, parameter, shape, {}},
                {{parameter, io::ElementType::kBFloat16, shape}});
  }

  Tensors quantise(const std::string& parameter,
                   const std::vector<int64_t>& shape,
                   const quant::WeightForm& form) {
    return take({Action::kQuantise, parameter, shape, form},
                quant::layer_tensors(layer_of(parameter), shape.at(0), shape.at(1), form));
  }

  Tensors take(CopiedWeight weight, Tensors tensors) {
    int64_t count = 1;
    for (const int64_t size : weight.shape) count *= size;
    const int bits = weight.form.bits;
    (bits == 8   ? component_.parameters_8
     : bits == 4 ? component_.parameters_4
                 : component_.parameters_kept) += count;
    if (weight.form.is_quantised()) made_[layer_of(weight.name)] = weight.form;
    component_.weights.emplace(tensors.front().name, std::move(weight));
    return tensors;
  }

  const StoredWeights& stored_;
  QuantisedComponent& component_;
  std::map<std::string, quant::WeightForm> forms_;      ///< by layer, as the rules say
  std::map<std::string, std::vector<int64_t>> shapes_;  ///< of the module's parameters
  std::set<std::string> seen_;                          ///< packed parameters
  std::map<std::string, quant::WeightForm> made_;       ///< of the layers that are quantised
};

/// Writes the weights of a component, one after the other.
class ComponentWriter {
 public:
  ComponentWriter(const StoredWeights& stored, const std::function<void(uint64_t)>& written)
      : stored_(stored), written_(written) {}

  void write(io::SafetensorsWriter& writer, const CopiedWeight& weight) const {
    const auto& name = weight.name;
    switch (weight.action) {
      case Action::kKeep: {
        const auto& [file, entry] = *stored_.set.find(name);
        return copy_tensor(writer, *file, *entry, written_);
      }
      case Action::kQuantise:
        quant::write_layer(
            writer,
            layer_of(name),
            weight.shape[0],
            weight.shape[1],
            weight.form,
            is_packed(name) ? stored_.packed->floats(name, weight.shape) : floats_of(name),
            written_);
        break;
      case Action::kIntegers:
        quant::write_integers(writer, *stored_.packed->integers(name, weight.shape), written_);
        break;
      case Action::kUnpack:
        unpack(writer, weight);
        break;
    }
    if (is_packed(name)) release(stored_, name);
  }

 private:
  bool is_packed(const std::string& parameter) const {
    return stored_.packed != nullptr && stored_.packed->holds(parameter);
  }

  /// Reads rows of a floating tensor, and drops their pages.
  quant::ReadFloats floats_of(const std::string& name) const {
    const auto& location = *stored_.set.find(name);
    const auto stored = location.file->tensor(name);
    const int64_t in = stored.size(1), row_bytes = in * stored.element_size();
    return [location, stored, in, row_bytes](int64_t first, int64_t rows, float* values) {
      at::from_blob(values, {rows, in}, at::kFloat).copy_(stored.narrow(0, first, rows));
      const uint64_t begin = location.entry->begin + first * row_bytes;
      location.file->file().release(begin, begin + rows * row_bytes);
    };
  }

  void unpack(io::SafetensorsWriter& writer, const CopiedWeight& weight) const {
    constexpr int64_t kValuesAtOnce = int64_t{4} << 20;
    const auto read = stored_.packed->floats(weight.name, weight.shape);
    const int64_t out = weight.shape[0], in = weight.shape[1];
    const int64_t at_once = std::max<int64_t>(1, kValuesAtOnce / in);
    for (int64_t first = 0; first < out; first += at_once) {
      const io::IndexRange rows = {first, std::min(at_once, out - first)};
      const auto values = quant::read_part(read, {weight.shape, 0, {rows}}, at::kBFloat16);
      writer.write({static_cast<const char*>(values.data_ptr()), values.nbytes()});
      written_(values.nbytes());
    }
  }

  const StoredWeights& stored_;
  const std::function<void(uint64_t)>& written_;
};

}  // namespace

uint64_t QuantisedComponent::bytes_after() const {
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.bytes();
  return bytes;
}

QuantisedComponent plan_component(const std::string& name,
                                  const torch::nn::Module& module,
                                  const StoredWeights& stored,
                                  const quant::FormRules& rules,
                                  uint64_t shard_bytes) {
  QuantisedComponent component;
  component.name = name;
  component.stem = stem_of(stored.set);
  component.bytes_before = stored.set.total_bytes();
  ComponentPlanner planner(module, stored, rules, component);
  std::vector<Tensors> tensors;
  for (const auto& [tensor, location] : stored.set.tensors()) {
    auto made = planner.add(tensor, *location.entry);
    if (!made.empty()) tensors.push_back(std::move(made));
  }
  component.layers = planner.layer_forms(module);
  component.files = io::plan_files(component.stem, tensors, shard_bytes);
  return component;
}

void write_component(const QuantisedComponent& component,
                     const StoredWeights& stored,
                     const std::filesystem::path& folder,
                     const std::function<void(uint64_t)>& written) {
  const ComponentWriter weights(stored, written);
  for (const auto& file : component.files) {
    io::SafetensorsWriter writer(folder / file.name, file.tensors, {{"format", "pt"}});
    for (const auto& tensor : file.tensors) {
      const auto weight = component.weights.find(tensor.name);
      // All other tensors of a weight follow its first.
      if (weight != component.weights.end()) weights.write(writer, weight->second);
    }
    writer.commit();
  }
  io::write_index(folder, component.stem, component.files);
}

}  // namespace glm_image::pipeline
