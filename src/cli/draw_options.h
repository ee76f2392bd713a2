#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cluster_options.h"
#include "cli/commands.h"
#include "cli/denoising_options.h"
#include "cli/lora_options.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// Options of `generate` and `edit`, as written on the command line.
struct DrawOptions {
  ModelOptions model;
  LoraOptions loras;
  ClusterOptions cluster;
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_file;
  std::vector<std::string> images;
  std::vector<std::string> texts;
  std::string like;
  std::optional<std::string> size;
  std::optional<int64_t> reference_pixels;
  DenoisingOptions denoising;
  std::optional<double> temperature, top_p;
  std::optional<uint64_t> seed;
  int64_t count = 1;
  std::optional<std::string> glyph_rules;
  std::string tokens, save_tokens;
  bool draft = false;
  bool verify = false;
  int64_t best_of = 1;
  std::string rewrite;  ///< address of a chat server; empty for the prompt as written
  std::optional<std::string> output;
  int quality = 95;
  bool metadata = true;  ///< parameters in the picture
  bool terminal_preview = false;
  bool json = false;
  bool quiet = false;
};

void add_draw_options(CLI::App& command, DrawOptions& options);

struct DrawJob {
  Request request;
  std::vector<Adapter> adapters;  ///< to load with the model
  /// Pixels of the files where they are not the drawn ones; 0 for as drawn.
  int64_t file_width = 0, file_height = 0;
  std::string drawn_by;  ///< model of the picture whose parameters are used; empty for none
  std::vector<std::string> warnings;  ///< about the files that were read
};

/// Returns the job that the options describe, without the pictures to start from; reads the other
/// files that they name. Without --seed the seed is random. Throws Error naming the option.
DrawJob read_settings(const DrawOptions& options);
/// The same with the pictures. Throws as read_settings and image::read_image do.
DrawJob make_job(const DrawOptions& options);

/// Runs the request and writes pictures, tokens and report.
void draw_pictures(const DrawOptions& options);

/// "512x384" → width, height. Throws kInvalidInput.
std::pair<int64_t, int64_t> parse_size(const std::string& text);

}  // namespace glm_image::cli
