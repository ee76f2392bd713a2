#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// Adapters as written on the command line.
struct LoraOptions {
  std::vector<std::string> loras;  ///< FILE[:SCALE]
  std::string folder;              ///< --lora-dir
};

/// --lora alone.
void add_lora_option(CLI::App& command, LoraOptions& options);
/// --lora and --lora-dir, a folder for names and for the adapters that a picture names.
void add_lora_options(CLI::App& command, LoraOptions& options);

/// The adapters that --lora names. Throws kInvalidInput for a scale that is not a number, and
/// kNotFound for what exists neither as a path nor in --lora-dir.
std::vector<Adapter> given_adapters(const LoraOptions& options);

/// Finds the adapters of a picture or a file of tokens by their names: in --lora-dir or, without
/// it, in the current folder and beside `source`. Throws kNotFound naming the adapter.
std::vector<Adapter> find_adapters(const std::vector<AdapterUse>& uses,
                                   const LoraOptions& options,
                                   const std::filesystem::path& source);

}  // namespace glm_image::cli
