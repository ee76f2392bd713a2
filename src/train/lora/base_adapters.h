#pragma once

#include <string>
#include <vector>

#include "pipeline/checkpoint.h"
#include "train/lora/lora_options.h"

/// The adapters of the base: those with which a checkpoint was opened. They act while another one
/// is trained, and do not change.
namespace glm_image::train {

/// Throws kInvalidInput for more adapters than a run can have, and for one that the run would
/// overwrite; kNotFound as adapters::adapter_weights does.
void check_base_adapters(const LoraOptions& options);

std::vector<AdapterUse> base_adapters(const pipeline::Checkpoint& checkpoint);

/// Names, scales and hashes of the files, as part of a run's settings; empty without adapters.
std::string base_adapters_text(const pipeline::Checkpoint& checkpoint);

/// `name`, or a longer name if an adapter of the base has it.
std::string name_beside_base(const pipeline::Checkpoint& checkpoint, std::string name);

}  // namespace glm_image::train
