#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "train/lora/lora_options.h"
#include "train/run/training_loop.h"

namespace glm_image::train {

struct LoraCallbacks {
  /// A sentence for the user: a row that is not used, what comes next.
  std::function<void(const std::string& sentence)> note;
  /// As DataFeatures::Progress, and for the check of the pictures and for sample grids.
  std::function<void(const char* what, int64_t done, int64_t total)> preparing;
  std::function<void(const std::string& part, const LoopProgress& progress)> progress;
  /// Asked between pictures and steps; true saves and ends the run.
  std::function<bool()> should_stop;
  /// As LoopCallbacks::saved, for the run of each part.
  std::function<void(const RunFolder& folder)> saved;
};

/// Trains adapters for the parts, one after the other, and writes them to `output`, a safetensors
/// file (train/lora/adapter_writer.h). The run's state is in the folder of the same name with the
/// extension ".run"; a stopped or killed run continues from it. Returns false if it was stopped
/// before the end. Throws kInvalidInput for settings that are not allowed, data without a usable
/// picture, a run folder of other settings, and as plan_lora_memory does; otherwise as
/// Checkpoint::open, FolderDataset and run_training do.
///
/// With sample prompts, samples/ in a part's folder gets a sample grid every
/// LoraOptions::samples_every steps and at its end: a picture for each prompt, with fixed seeds.
/// The grid of step 0 in the first part's folder is drawn by the base.
///
/// `ranks`: trains as one of them, each with the same settings, model and pictures. Rank 0 alone
/// writes, draws samples and chooses the form of the base weights. Null: alone.
bool train_lora(const LoraOptions& options, const LoraCallbacks& callbacks, Ranks* ranks = nullptr);

/// The folder of the run's state: "style.run" for "style.safetensors".
std::filesystem::path lora_run_folder(const std::filesystem::path& output);

}  // namespace glm_image::train
