#pragma once

#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/lora_options.h"

namespace glm_image::cli {

/// Options of `worker`, as written on the command line.
struct WorkerOptions {
  ModelOptions model;
  LoraOptions loras;
  std::string join;
  std::optional<std::string> key_file;
  std::string residency = "auto";
  /// Trains, in this folder: that of the config file on this machine, or the one where the other
  /// machine's relative --data begins.
  std::optional<std::string> train_in;
  bool stay = false;
  bool quiet = false;
};

/// Joins a cluster and draws, or trains, until its coordinator ends.
void run_worker(const WorkerOptions& options);

}  // namespace glm_image::cli
