#include "random_checkpoint/random_checkpoint.h"

#include <algorithm>
#include <set>

#include "core/atomic_folder.h"
#include "core/error.h"
#include "core/random_stream.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/generator/generation_model.h"
#include "models/glyph_encoder/t5_encoder.h"
#include "models/transformer/transformer_model.h"
#include "nn/modules.h"
#include "random_checkpoint/random_weights.h"

namespace glm_image::random_checkpoint {
namespace {

namespace fs = std::filesystem;

/// Bytes per buffer; a multiple of the size of one draw for every type.
constexpr uint64_t kBufferBytes = uint64_t{8} << 20;

io::JsonFields fields_of(const ConfigFiles& configs, const std::string& path) {
  return {io::parse_json(configs.at(path).dump(), path), path};
}

Component plan_component(const std::string& folder,
                         const std::string& stem,
                         io::ElementType type,
                         const torch::nn::Module& module,
                         const quant::FormRules& rules,
                         uint64_t shard_bytes) {
  Component component;
  component.folder = folder;
  component.stem = stem;
  component.type = type;
  std::map<std::string, QuantisedLayer> quantised;  // by the name of the parameter
  for (const auto& [layer, linear] : nn::linear_layers(module)) {
    const int64_t out = linear->weight.size(0), in = linear->weight.size(1);
    const auto form = rules.form_of(folder, layer).for_inputs(in);
    component.layers.emplace_back(layer, form);
    if (form.is_quantised()) quantised[layer + ".weight"] = {layer, out, in, form};
  }
  std::vector<std::vector<io::TensorDescription>> tensors;
  for (const auto& item : module.named_parameters()) {
    component.parameters += static_cast<uint64_t>(item.value().numel());
    const auto found = quantised.find(item.key());
    if (found == quantised.end()) {
      tensors.push_back({{item.key(), type, item.value().sizes().vec()}});
      continue;
    }
    const auto& [name, out, in, form] = found->second;
    tensors.push_back(quant::layer_tensors(name, out, in, form));
    component.quantised[tensors.back().front().name] = found->second;
  }
  component.files = io::plan_files(stem, tensors, shard_bytes);
  return component;
}

/// Writes the weight files of a component.
class ComponentWriter {
 public:
  ComponentWriter(const Component& component,
                  uint64_t seed,
                  int64_t d_kv,
                  const std::function<void(uint64_t bytes)>& written)
      : component_(component), seed_(seed), d_kv_(d_kv), written_(written), buffer_(kBufferBytes) {}

  void write(const fs::path& folder) {
    for (const auto& file : component_.files) {
      io::SafetensorsWriter writer(folder / file.name, file.tensors, {{"format", "pt"}});
      for (size_t i = 0; i < file.tensors.size();) {
        const auto& tensor = file.tensors[i];
        const auto layer = component_.quantised.find(tensor.name);
        i += layer == component_.quantised.end() ? write_values(writer, tensor)
                                                 : write_quantised(writer, layer->second);
      }
      writer.commit();
    }
    io::write_index(folder, component_.stem, component_.files);
  }

 private:
  RandomValues values_of(const std::string& parameter, at::IntArrayRef shape) const {
    const uint64_t key = mix_bits(seed_ ^ stable_hash(component_.folder + "/" + parameter));
    return {distribution_of(parameter, shape, d_kv_), component_.type, key};
  }

  // Both return the number of tensors that they wrote.

  /// One buffer at a time.
  size_t write_values(io::SafetensorsWriter& writer, const io::TensorDescription& tensor) {
    const auto values = values_of(tensor.name, tensor.shape);
    const uint64_t size = io::element_size(tensor.type), count = tensor.bytes() / size;
    const uint64_t at_once = buffer_.size() / size;
    for (uint64_t first = 0; first < count; first += at_once) {
      const uint64_t now = std::min(at_once, count - first);
      values.draw(first, now, buffer_.data());
      writer.write({buffer_.data(), now * size});
      written_(now * size);
    }
    return 1;
  }

  size_t write_quantised(io::SafetensorsWriter& writer, const QuantisedLayer& layer) {
    const auto& [name, out, in, form] = layer;
    const auto values = values_of(name + ".weight", {out, in});
    const auto read = [&, in = in](int64_t first, int64_t rows, float* floats) {
      const auto stored = at::empty({rows, in}, io::scalar_type(component_.type));
      values.draw(static_cast<uint64_t>(first * in),
                  static_cast<uint64_t>(rows * in),
                  static_cast<char*>(stored.data_ptr()));
      at::from_blob(floats, {rows, in}, at::kFloat).copy_(stored);
    };
    quant::write_layer(writer, name, out, in, form, read, written_);
    return quant::layer_tensors(name, out, in, form).size();
  }

  const Component& component_;
  uint64_t seed_;
  int64_t d_kv_;
  const std::function<void(uint64_t bytes)>& written_;
  std::vector<char> buffer_;
};

void write_json(const fs::path& path, const std::string& text) {
  create_folder(path.parent_path());
  write_file_atomically(path, text + "\n");
}

/// A config of the checkpoint, which tells how the weights beside it are quantised.
nlohmann::ordered_json config_text(nlohmann::ordered_json config,
                                   const std::string& path,
                                   const std::vector<Component>& components) {
  for (const auto& component : components) {
    if (path != component.folder + "/config.json" || component.quantised.empty()) continue;
    config["quantization_config"] = quant::quantization_config(component.layers);
  }
  return config;
}

}  // namespace

uint64_t Component::bytes() const {
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.bytes();
  return bytes;
}

uint64_t Component::tensors() const {
  uint64_t count = 0;
  for (const auto& file : files) count += file.tensors.size();
  return count;
}

std::string Component::types() const {
  std::set<std::string> types;
  for (const auto& file : files) {
    for (const auto& tensor : file.tensors) types.emplace(io::element_type_name(tensor.type));
  }
  std::string names;
  for (const auto& each : types) names += (names.empty() ? "" : ", ") + each;
  return names;
}

std::vector<Component> plan_components(const ConfigFiles& configs,
                                       const quant::FormRules& rules,
                                       uint64_t shard_bytes) {
  const auto vision_language = models::VisionLanguageConfig::from_json(
      fields_of(configs, "vision_language_encoder/config.json"));
  const auto text_encoder =
      models::T5Config::from_json(fields_of(configs, "text_encoder/config.json"));
  const auto transformer =
      models::TransformerConfig::from_json(fields_of(configs, "transformer/config.json"));
  const auto vae = models::AutoencoderConfig::from_json(fields_of(configs, "vae/config.json"));
  // Modules have no storage until weights are bound to them.
  const at::TensorOptions options(at::kFloat);
  const auto kBFloat16 = io::ElementType::kBFloat16;
  return {plan_component("vision_language_encoder",
                         "model",
                         kBFloat16,
                         *models::GlmImageForConditionalGeneration(vision_language, options),
                         rules,
                         shard_bytes),
          // Published in float32.
          plan_component("text_encoder",
                         "model",
                         io::ElementType::kFloat32,
                         *models::T5EncoderModel(text_encoder, options),
                         rules,
                         shard_bytes),
          plan_component("transformer",
                         "diffusion_pytorch_model",
                         kBFloat16,
                         *models::GlmImageTransformer2DModel(transformer, options),
                         rules,
                         shard_bytes),
          plan_component("vae",
                         "diffusion_pytorch_model",
                         kBFloat16,
                         *models::AutoencoderKL(vae, options),
                         rules,
                         shard_bytes)};
}

void write_checkpoint(const ConfigFiles& configs,
                      const std::vector<Component>& components,
                      uint64_t seed,
                      const fs::path& output,
                      const WriteProgress& progress) {
  std::error_code error;
  if (fs::exists(output, error)) {
    fail(ErrorCode::kOutput, output.string(), ": already exists; choose another folder");
  }
  uint64_t total = 0, done = 0;
  for (const auto& component : components) total += component.bytes();
  io::check_room(output, total);

  AtomicFolder folder(output);
  for (const auto& [path, config] : configs) {
    write_json(folder.path() / path, config_text(config, path, components).dump(2));
  }
  const auto& vision_language = configs.at("vision_language_encoder/config.json");
  write_json(folder.path() / "processor" / "tokenizer.json",
             make_tokenizer(vision_language).dump());
  write_json(folder.path() / "processor" / "tokenizer_config.json",
             make_tokenizer_config(vision_language).dump(2));
  write_json(folder.path() / "tokenizer" / "tokenizer_config.json",
             make_glyph_tokenizer_config().dump(2));

  const auto d_kv = configs.at("text_encoder/config.json").at("d_kv").get<int64_t>();
  const std::function<void(uint64_t)> written = [&](uint64_t bytes) {
    done += bytes;
    if (progress) progress(done, total);
  };
  for (const auto& component : components) {
    ComponentWriter(component, seed, d_kv, written).write(folder.path() / component.folder);
  }
  folder.take_place();
}

}  // namespace glm_image::random_checkpoint
