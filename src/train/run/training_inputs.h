#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "train/config/training_config.h"

namespace glm_image::train {

/// The folders that a run of the config reads, by what they are: "data", "model", "vae", "vq",
/// "vocabulary", "start". All ranks of a run need the same files in them. The initial weights of a
/// `start` are not among them where rank 0 alone reads them.
std::map<std::string, std::filesystem::path> training_inputs(const TrainingConfig& config);

}  // namespace glm_image::train
