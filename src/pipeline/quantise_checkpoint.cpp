#include "pipeline/quantise_checkpoint.h"

#include <algorithm>
#include <map>

#include "core/atomic_file.h"
#include "core/atomic_folder.h"
#include "core/cpu_threads.h"
#include "core/error.h"
#include "core/prefix.h"
#include "core/suffix.h"
#include "io/json_file.h"
#include "nn/modules.h"
#include "pipeline/checkpoint.h"
#include "quant/quantised_weights.h"

namespace glm_image::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWeightSuffix = ".weight";

/// The components of the checkpoint that have linear layers worth quantising, with modules that own
/// no memory.
std::map<std::string, std::shared_ptr<torch::nn::Module>> modules_of(const Checkpoint& checkpoint) {
  const at::TensorOptions options(at::kFloat);
  return {
      {kVisionLanguage,
       models::GlmImageForConditionalGeneration(checkpoint.vision_language, options).ptr()},
      {kTextEncoder, models::T5EncoderModel(checkpoint.glyph_encoder, options).ptr()},
      {kTransformer, models::GlmImageTransformer2DModel(checkpoint.transformer, options).ptr()}};
}

/// The part of a weight file's name that all files of a component share.
std::string stem_of(const io::WeightSet& weights) {
  const auto file = weights.tensors().begin()->second.file->file().path().filename().string();
  constexpr const char* kStem = "diffusion_pytorch_model";
  return starts_with(file, kStem) ? kStem : "model";
}

bool is_weight_file(const fs::path& file) {
  const auto name = file.filename().string();
  return ends_with(name, ".safetensors") || ends_with(name, ".safetensors.index.json");
}

/// config.json with its quantization_config.
void write_config(const fs::path& from, const fs::path& to, const quant::LayerForms& layers) {
  auto config = io::read_json_file(from / "config.json");
  config["quantization_config"] = quant::quantization_config(layers);
  write_file_atomically(to / "config.json", config.dump(2) + "\n");
}

/// Writes the tensors of a component, one after the other.
class ComponentWriter {
 public:
  ComponentWriter(const io::WeightSet& weights, const std::function<void(uint64_t)>& written)
      : weights_(weights), written_(written) {}

  void keep(io::SafetensorsWriter& writer, const std::string& name) const {
    const auto& [file, entry] = *weights_.find(name);
    copy_tensor(writer, *file, *entry, written_);
  }

  void quantise(io::SafetensorsWriter& writer,
                const std::string& layer,
                const quant::WeightForm& form) const {
    const auto name = layer + std::string(kWeightSuffix);
    const auto& [file, entry] = *weights_.find(name);
    const auto stored = file->tensor(name);
    const int64_t row_bytes = stored.size(1) * stored.element_size();
    const auto read = [&, &file = file, &entry = entry](
                          int64_t first, int64_t rows, float* values) {
      at::from_blob(values, {rows, stored.size(1)}, at::kFloat)
          .copy_(stored.narrow(0, first, rows));
      file->file().release(entry->begin + first * row_bytes,
                           entry->begin + (first + rows) * row_bytes);
    };
    quant::write_layer(writer, layer, stored.size(0), stored.size(1), form, read, written_);
  }

 private:
  const io::WeightSet& weights_;
  const std::function<void(uint64_t)>& written_;
};

/// The layer that a tensor of a file begins or continues; empty for a tensor that is kept.
std::string layer_of(const std::string& tensor,
                     const std::map<std::string, quant::WeightForm>& forms) {
  for (const std::string_view part :
       {".weight", ".weight_packed", ".weight_scale", ".weight_shape"}) {
    if (!ends_with(tensor, part)) continue;
    auto layer = tensor.substr(0, tensor.size() - part.size());
    if (forms.count(layer) != 0) return layer;
  }
  return "";
}

/// The forms of the layers that are quantised.
std::map<std::string, quant::WeightForm> quantised_forms(const quant::LayerForms& layers) {
  std::map<std::string, quant::WeightForm> forms;
  for (const auto& [layer, form] : layers) {
    if (form.is_quantised()) forms.emplace(layer, form);
  }
  return forms;
}

QuantisedComponent plan_component(const std::string& name,
                                  const torch::nn::Module& module,
                                  const io::WeightSet& weights,
                                  const quant::FormRules& rules,
                                  uint64_t shard_bytes) {
  QuantisedComponent component;
  component.name = name;
  component.stem = stem_of(weights);
  component.bytes_before = weights.total_bytes();
  for (const auto& [layer, linear] : nn::linear_layers(module)) {
    const auto form = rules.form_of(name, layer).for_inputs(linear->weight.size(1));
    component.layers.emplace_back(layer, form);
  }
  const auto forms = quantised_forms(component.layers);
  std::vector<std::vector<io::TensorDescription>> tensors;
  for (const auto& [tensor, location] : weights.tensors()) {
    const auto& entry = *location.entry;
    int64_t count = 1;
    for (const int64_t size : entry.shape) count *= size;
    const auto layer = layer_of(tensor, forms);
    if (layer.empty()) {
      tensors.push_back({{tensor, entry.type, entry.shape}});
      component.parameters_kept += count;
      continue;
    }
    const auto& form = forms.at(layer);
    (form.bits == 8 ? component.parameters_8 : component.parameters_4) += count;
    tensors.push_back(quant::layer_tensors(layer, entry.shape[0], entry.shape[1], form));
  }
  component.files = io::plan_files(component.stem, tensors, shard_bytes);
  return component;
}

}  // namespace

uint64_t QuantisedComponent::bytes_after() const {
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.bytes();
  return bytes;
}

QuantisationPlan plan_quantisation(const fs::path& model,
                                   const quant::FormRules& rules,
                                   uint64_t shard_bytes) {
  PipelineOptions options;
  options.dtype = DataType::kFloat32;
  const auto checkpoint = Checkpoint::open(model, options);
  QuantisationPlan plan;
  plan.model = checkpoint.info().directory;
  for (const auto& [name, module] : modules_of(checkpoint)) {
    const auto weights = io::WeightSet::open(plan.model / name);
    if (quant::QuantisedWeights::open(plan.model / name, weights) != nullptr) {
      fail(ErrorCode::kInvalidInput,
           (plan.model / name).string(),
           ": is quantised already; quantise the original");
    }
    auto component = plan_component(name, *module, weights, rules, shard_bytes);
    if (component.parameters_8 + component.parameters_4 > 0) {
      plan.components.push_back(std::move(component));
    }
  }
  rules.check_all_used();
  if (plan.components.empty()) {
    fail(ErrorCode::kInvalidInput, "no layer would be quantised; see --weights and --rules");
  }
  return plan;
}

void write_quantised(const QuantisationPlan& plan,
                     const fs::path& output,
                     int threads,
                     const WriteProgress& progress) {
  at::set_num_threads(cpu_threads(threads));
  check_copy_output(plan.model, output);
  uint64_t done = 0, total = 0;
  for (const auto& component : plan.components) total += component.bytes_after();
  io::check_room(output, total);

  AtomicFolder folder(output);
  const auto changes = [&](const fs::path& item) {
    return std::any_of(plan.components.begin(), plan.components.end(), [&](const auto& component) {
      return item == plan.model / component.name;
    });
  };
  copy_folder(plan.model, folder.path(), changes);
  const std::function<void(uint64_t)> written = [&](uint64_t bytes) {
    done += bytes;
    if (progress) progress(done, total);
  };
  for (const auto& component : plan.components) {
    const auto from = plan.model / component.name, to = folder.path() / component.name;
    copy_folder(from, to, [](const fs::path& item) {
      return is_weight_file(item) || item.filename() == "config.json";
    });
    write_config(from, to, component.layers);
    const auto weights = io::WeightSet::open(from);
    const ComponentWriter tensors(weights, written);
    const auto forms = quantised_forms(component.layers);
    for (const auto& file : component.files) {
      io::SafetensorsWriter writer(to / file.name, file.tensors, {{"format", "pt"}});
      for (const auto& tensor : file.tensors) {
        const auto layer = layer_of(tensor.name, forms);
        if (layer.empty()) {
          tensors.keep(writer, tensor.name);
        } else if (tensor.name == quant::layer_tensors(layer, 1, 1, forms.at(layer)).front().name) {
          tensors.quantise(writer, layer, forms.at(layer));  // with its other tensors
        }
      }
      writer.commit();
    }
    io::write_index(to, component.stem, component.files);
  }
  folder.take_place();
}

}  // namespace glm_image::pipeline
