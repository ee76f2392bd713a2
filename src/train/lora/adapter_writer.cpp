#include "train/lora/adapter_writer.h"

#include <nlohmann/json.hpp>
#include <set>

#include "io/safetensors.h"
#include "pipeline/json_exchange.h"

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

void write_adapter(const std::filesystem::path& file,
                   const std::vector<AdapterPart>& parts,
                   const std::vector<AdapterUse>& base) {
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
  std::map<std::string, std::string> metadata = {{"format", "pt"},
                                                 {"lora_adapter_metadata", settings.dump()}};
  if (!base.empty()) metadata["glm_image_base_adapters"] = pipeline::to_json(base).dump();
  io::write_safetensors(file, tensors, metadata);
}

}  // namespace glm_image::train
