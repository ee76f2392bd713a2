#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "cli/cluster_options.h"
#include "cli/commands.h"
#include "train/lora/lora_keys.h"
#include "train/lora/lora_options.h"

namespace glm_image::cli {

/// Options of `train lora`, from its config file and the command line, which overrides the file.
struct TrainLoraOptions {
  train::LoraKeys keys;
  ModelOptions model;  ///< with the model, the memory and the number type of `keys`
  ClusterOptions cluster;
};

/// The keys and the model's options as settings of train::train_lora. Throws as locate_model and
/// pipeline_options do.
train::LoraOptions lora_settings(const TrainLoraOptions& options);

/// The folders of pictures and the adapters that a run reads, by their keys. All machines of a
/// cluster need the same files in them.
std::map<std::string, std::filesystem::path> lora_inputs(const train::LoraOptions& training);

/// Trains the adapter and prints its file. Throws kCancelled after an interrupt.
void run_train_lora(const TrainLoraOptions& options);

}  // namespace glm_image::cli
