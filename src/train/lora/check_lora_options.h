#pragma once

#include "train/lora/lora_options.h"

namespace glm_image::train {

/// Extension of an adapter's file.
inline constexpr const char* kAdapterSuffix = ".safetensors";

/// Throws kInvalidInput, which names the option, for settings that are not allowed.
void check_lora_options(const LoraOptions& options);

/// Whether the learning rate falls to 0 at the last step.
bool falls_to_zero(const LoraOptions& options);

}  // namespace glm_image::train
