#pragma once

#include "train/lora/lora_memory.h"

namespace glm_image::train {

/// Bytes that training a part takes beside the base weights.
struct PartMemory {
  int64_t adapter = 0;  ///< updates, their gradients and the optimiser's state
  int64_t working = 0;  ///< upper bound of activations, their gradients and copies of weights
};

PartMemory transformer_training_memory(const pipeline::Checkpoint& checkpoint,
                                       const LoraDataSizes& data,
                                       const LoraOptions& options);
PartMemory generator_training_memory(const pipeline::Checkpoint& checkpoint,
                                     const LoraDataSizes& data,
                                     const LoraOptions& options);

}  // namespace glm_image::train
