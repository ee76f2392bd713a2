#include "train/lora/adapter_writer.h"

#include <nlohmann/json.hpp>
#include <set>

#include "io/safetensors.h"

namespace glm_image::train {
namespace {

constexpr const char* kLoraMark = ".lora_";

/// The layers' names, each once.
std::set<std::string> layers_of(const AdapterPart& part) {
  std::set<std::string> layers;
  for (const auto& [name, tensor] : part.tensors)
    layers.insert(name.substr(0, name.rfind(kLoraMark)));
  return layers;
}

}  // namespace

void write_adapter(const std::filesystem::path& file, const std::vector<AdapterPart>& parts) {
  nlohmann::ordered_json settings;
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const auto& part : parts) {
    const auto key = [&](const char* name) { return part.component + "." + name; };
    settings[key("peft_type")] = "LORA";
    settings[key("r")] = part.rank;
    settings[key("lora_alpha")] = part.alpha;
    settings[key("target_modules")] = layers_of(part);
    for (const auto& [name, tensor] : part.tensors) {
      tensors.emplace_back(part.component + "." + name, tensor.contiguous());
    }
  }
  io::write_safetensors(
      file, tensors, {{"format", "pt"}, {"lora_adapter_metadata", settings.dump()}});
}

}  // namespace glm_image::train
