#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/denoising_options.h"
#include "cli/lora_options.h"
#include "evaluate/drawn_pictures.h"

namespace glm_image::cli {

/// Options of `evaluate`, as written on the command line.
struct EvaluateOptions {
  ModelOptions model;
  LoraOptions loras;
  std::string suite = "posters";
  std::string data;
  evaluate::DrawingSettings drawing;
  DenoisingOptions denoising;
  std::optional<int64_t> count;
  std::optional<int> tier;
  std::string output = "evaluation";
  std::string pictures;
  bool truth = false;
  bool true_tokens = false;
};

/// The project's data: `given` (--data), ./data, or what comes with the program. Throws kNotFound.
std::filesystem::path locate_data(const std::string& given);

/// A name is a file in data/suites; what has a slash or ends in .json is a file.
std::filesystem::path suite_file(const std::string& suite, const std::filesystem::path& data);

/// Draws and scores the pictures, and writes the report.
void run_evaluate(const EvaluateOptions& options);

}  // namespace glm_image::cli
