#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "io/safetensors.h"
#include "support/test_support.h"

/// Adapter files in the spellings of trainers, written from the description of each.
namespace glm_image::test {

/// A random update of one linear layer.
struct TestUpdate {
  std::string component, layer;
  Tensor down, up;
  double scale = 1;  ///< on their product, when the file is applied with the scale 1
};

inline TestUpdate random_update(const std::string& component,
                                const std::string& layer,
                                int64_t out,
                                int64_t in,
                                int64_t rank,
                                double scale) {
  return {component, layer, at::randn({rank, in}) / 4, at::randn({out, rank}) / 4, scale};
}

enum class Spelling { kDiffusers, kPeft, kDiffSynth, kComfy, kKohya };

inline const char* spelling_name(Spelling spelling) {
  constexpr const char* kNames[] = {"diffusers", "peft", "diffsynth", "comfy", "kohya"};
  return kNames[static_cast<int>(spelling)];
}

/// Whether the spelling has an alpha; without one, the scale is 1.
inline bool has_alpha(Spelling spelling) {
  return spelling != Spelling::kDiffSynth && spelling != Spelling::kComfy;
}

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

/// The tensors of an update. For a generator's layers, only diffusers, PEFT and kohya have names.
inline NamedTensors spelled(const TestUpdate& update, Spelling spelling) {
  const bool is_transformer = update.component == "transformer";
  const auto& layer = update.layer;
  switch (spelling) {
    case Spelling::kDiffusers:
      return {{update.component + "." + layer + ".lora_A.weight", update.down},
              {update.component + "." + layer + ".lora_B.weight", update.up}};
    case Spelling::kPeft:
      return {{"base_model.model." + layer + ".lora_A.weight", update.down},
              {"base_model.model." + layer + ".lora_B.weight", update.up}};
    case Spelling::kDiffSynth:
      return {{layer + ".lora_A.default.weight", update.down},
              {layer + ".lora_B.default.weight", update.up}};
    case Spelling::kComfy:
      return {{"diffusion_model." + layer + ".lora_A.weight", update.down},
              {"diffusion_model." + layer + ".lora_B.weight", update.up}};
    case Spelling::kKohya:
      break;
  }
  auto name = (is_transformer ? "lora_unet_" : "lora_te_") + layer;
  std::replace(name.begin(), name.end(), '.', '_');
  const auto alpha = update.scale * static_cast<double>(update.down.size(0));
  return {{name + ".lora_down.weight", update.down},
          {name + ".lora_up.weight", update.up},
          {name + ".alpha", at::scalar_tensor(alpha, at::kFloat)}};
}

/// Writes the updates, which must have one rank and one scale where the spelling asks for it, and
/// returns what to name on the command line: `name`.safetensors, or the folder `name` for PEFT.
inline std::filesystem::path write_adapter(const std::filesystem::path& folder,
                                           const std::string& name,
                                           const std::vector<TestUpdate>& updates,
                                           Spelling spelling,
                                           at::ScalarType type = at::kFloat) {
  NamedTensors tensors;
  for (const auto& update : updates) {
    for (const auto& [key, tensor] : spelled(update, spelling)) {
      tensors.emplace_back(key, tensor.to(tensor.dim() == 2 ? type : at::kFloat).contiguous());
    }
  }
  const auto rank = updates.front().down.size(0);
  const double alpha = updates.front().scale * static_cast<double>(rank);
  std::map<std::string, std::string> metadata = {{"format", "pt"}};
  if (spelling == Spelling::kDiffusers) {
    nlohmann::json config;
    for (const auto& update : updates) {
      config[update.component + ".r"] = rank;
      config[update.component + ".lora_alpha"] = alpha;
      config[update.component + ".peft_type"] = "LORA";
      config[update.component + ".use_dora"] = false;
    }
    metadata["lora_adapter_metadata"] = config.dump(2);
  }
  if (spelling != Spelling::kPeft) {
    const auto file = folder / (name + ".safetensors");
    io::write_safetensors(file, tensors, metadata);
    return file;
  }
  std::filesystem::create_directory(folder / name);
  io::write_safetensors(folder / name / "adapter_model.safetensors", tensors, metadata);
  const nlohmann::json config = {{"peft_type", "LORA"},
                                 {"r", rank},
                                 {"lora_alpha", alpha},
                                 {"bias", "none"},
                                 {"use_rslora", false},
                                 {"target_modules", {"to_q", "q_proj"}}};
  write_file(folder / name / "adapter_config.json", config.dump(2));
  return folder / name;
}

}  // namespace glm_image::test
