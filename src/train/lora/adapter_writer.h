#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "glm_image/request.h"
#include "train/lora/trained_adapters.h"

namespace glm_image::train {

/// The trained updates of one component.
struct AdapterPart {
  std::string component;  ///< "transformer"; its folder in the checkpoint
  int64_t rank = 0;
  double alpha = 0;
  NamedTensors tensors;  ///< as from TrainedAdapters::values
};

/// Writes a LoRA file as diffusers does, atomically: "COMPONENT.LAYER.lora_A.weight" and
/// "…lora_B.weight", and in the metadata, under "lora_adapter_metadata", the settings of PEFT's
/// LoraConfig for each component (r, lora_alpha, target_modules). `base`: the adapters that acted
/// during training. "glm_image_base_adapters" in the metadata names them, as [{"name", "scale"},
/// …]. Throws kOutput.
void write_adapter(const std::filesystem::path& file,
                   const std::vector<AdapterPart>& parts,
                   const std::vector<AdapterUse>& base = {});

}  // namespace glm_image::train
