#pragma once

#include <filesystem>
#include <string>
#include <vector>

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
/// LoraConfig for each component (r, lora_alpha, target_modules). Throws kOutput.
void write_adapter(const std::filesystem::path& file, const std::vector<AdapterPart>& parts);

}  // namespace glm_image::train
