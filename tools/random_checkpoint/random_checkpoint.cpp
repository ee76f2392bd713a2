#include "random_checkpoint/random_checkpoint.h"

#include <algorithm>
#include <cstdio>

#include "core/atomic_folder.h"
#include "core/error.h"
#include "io/json_file.h"
#include "models/autoencoder/autoencoder_kl.h"
#include "models/generator/generation_model.h"
#include "models/glyph_encoder/t5_encoder.h"
#include "models/transformer/transformer_model.h"
#include "posters/random_stream.h"
#include "random_checkpoint/random_weights.h"

namespace glm_image::random_checkpoint {
namespace {

namespace fs = std::filesystem;

/// A multiple of the values of one draw, in bytes of any type.
constexpr uint64_t kBufferBytes = uint64_t{8} << 20;

io::JsonFields fields_of(const ConfigFiles& configs, const std::string& path) {
  return {io::parse_json(configs.at(path).dump(), path), path};
}

/// "model-00002-of-00005.safetensors", or "model.safetensors" for a single file.
std::string file_name(const std::string& stem, std::size_t index, std::size_t count) {
  if (count == 1) return stem + ".safetensors";
  char numbers[32];
  std::snprintf(numbers, sizeof numbers, "-%05zu-of-%05zu", index + 1, count);
  return stem + numbers + ".safetensors";
}

Component plan_component(const std::string& folder,
                         const std::string& stem,
                         io::ElementType type,
                         const torch::nn::Module& module,
                         uint64_t shard_bytes) {
  Component component;
  component.folder = folder;
  component.type = type;
  component.index_name = stem + ".safetensors.index.json";
  for (const auto& item : module.named_parameters()) {
    io::TensorDescription tensor{item.key(), type, item.value().sizes().vec()};
    auto& files = component.files;
    if (files.empty() || files.back().bytes() + tensor.bytes() > shard_bytes) files.emplace_back();
    files.back().tensors.push_back(std::move(tensor));
  }
  for (std::size_t i = 0; i < component.files.size(); ++i) {
    component.files[i].name = file_name(stem, i, component.files.size());
  }
  return component;
}

/// Writes one tensor, a buffer at a time.
void write_values(io::SafetensorsWriter& writer,
                  const RandomValues& values,
                  const io::TensorDescription& tensor,
                  std::vector<char>& buffer,
                  const std::function<void(uint64_t bytes)>& written) {
  const uint64_t size = io::element_size(tensor.type), count = tensor.bytes() / size;
  const uint64_t at_once = buffer.size() / size;
  for (uint64_t first = 0; first < count; first += at_once) {
    const uint64_t now = std::min(at_once, count - first);
    values.draw(first, now, buffer.data());
    writer.write({buffer.data(), now * size});
    written(now * size);
  }
}

void write_json(const fs::path& path, const std::string& text) {
  create_folder(path.parent_path());
  write_file_atomically(path, text + "\n");
}

void write_index(const fs::path& folder, const Component& component) {
  nlohmann::json map = nlohmann::json::object();
  for (const auto& file : component.files) {
    for (const auto& tensor : file.tensors) map[tensor.name] = file.name;
  }
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", component.bytes()}}},
                                        {"weight_map", map}};
  write_json(folder / component.index_name, index.dump(2));
}

void check_room(const fs::path& output, uint64_t bytes) {
  auto existing = fs::absolute(output);
  std::error_code error;
  while (!fs::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  const auto space = fs::space(existing, error);
  if (!error && space.available < bytes) {
    fail(ErrorCode::kOutput,
         output.string(),
         ": its disk has ",
         space.available,
         " bytes free; the weights take ",
         bytes);
  }
}

}  // namespace

uint64_t WeightFile::bytes() const {
  uint64_t bytes = 0;
  for (const auto& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

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

uint64_t Component::parameters() const {
  return bytes() / io::element_size(type);
}

std::vector<Component> plan_components(const ConfigFiles& configs, uint64_t shard_bytes) {
  const auto vision_language = models::VisionLanguageConfig::from_json(
      fields_of(configs, "vision_language_encoder/config.json"));
  const auto text_encoder =
      models::T5Config::from_json(fields_of(configs, "text_encoder/config.json"));
  const auto transformer =
      models::TransformerConfig::from_json(fields_of(configs, "transformer/config.json"));
  const auto vae = models::AutoencoderConfig::from_json(fields_of(configs, "vae/config.json"));
  // Modules own no memory until weights are bound to them.
  const at::TensorOptions options(at::kFloat);
  const auto kBFloat16 = io::ElementType::kBFloat16;
  return {plan_component("vision_language_encoder",
                         "model",
                         kBFloat16,
                         *models::GlmImageForConditionalGeneration(vision_language, options),
                         shard_bytes),
          // Published in float32.
          plan_component("text_encoder",
                         "model",
                         io::ElementType::kFloat32,
                         *models::T5EncoderModel(text_encoder, options),
                         shard_bytes),
          plan_component("transformer",
                         "diffusion_pytorch_model",
                         kBFloat16,
                         *models::GlmImageTransformer2DModel(transformer, options),
                         shard_bytes),
          plan_component("vae",
                         "diffusion_pytorch_model",
                         kBFloat16,
                         *models::AutoencoderKL(vae, options),
                         shard_bytes)};
}

void write_checkpoint(const ConfigFiles& configs,
                      const std::vector<Component>& components,
                      uint64_t seed,
                      const fs::path& output,
                      const WriteProgress& progress) {
  std::error_code error;
  if (fs::exists(output, error)) {
    fail(ErrorCode::kOutput, output.string(), ": is there already; name another folder");
  }
  uint64_t total = 0, done = 0;
  for (const auto& component : components) total += component.bytes();
  check_room(output, total);

  AtomicFolder folder(output);
  for (const auto& [path, config] : configs) write_json(folder.path() / path, config.dump(2));
  const auto& vision_language = configs.at("vision_language_encoder/config.json");
  write_json(folder.path() / "processor" / "tokenizer.json",
             make_tokenizer(vision_language).dump());
  write_json(folder.path() / "processor" / "tokenizer_config.json",
             make_tokenizer_config(vision_language).dump(2));
  write_json(folder.path() / "tokenizer" / "tokenizer_config.json",
             make_glyph_tokenizer_config().dump(2));

  const auto d_kv = configs.at("text_encoder/config.json").at("d_kv").get<int64_t>();
  std::vector<char> buffer(kBufferBytes);
  for (const auto& component : components) {
    const auto path = folder.path() / component.folder;
    for (const auto& file : component.files) {
      io::SafetensorsWriter writer(path / file.name, file.tensors, {{"format", "pt"}});
      for (const auto& tensor : file.tensors) {
        const uint64_t key =
            posters::mix_bits(seed ^ posters::stable_hash(component.folder + "/" + tensor.name));
        const RandomValues values(
            distribution_of(tensor.name, tensor.shape, d_kv), tensor.type, key);
        write_values(writer, values, tensor, buffer, [&](uint64_t bytes) {
          done += bytes;
          if (progress) progress(done, total);
        });
      }
      writer.commit();
    }
    if (component.files.size() > 1) write_index(path, component);
  }
  folder.take_place();
}

}  // namespace glm_image::random_checkpoint
