#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "glm_image/request.h"

namespace glm_image::cli {

/// What `generate` and `edit` can be told, as written on the command line.
struct DrawOptions {
  ModelOptions model;
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_file;
  std::vector<std::string> images;
  std::vector<std::string> texts;
  std::string like;
  std::optional<std::string> size;
  std::optional<int64_t> steps;
  std::optional<double> guidance, temperature, top_p;
  std::optional<uint64_t> seed;
  int64_t count = 1;
  std::optional<std::string> glyph_rules;
  std::string tokens, save_tokens;
  std::string output = "picture.png";
  int quality = 95;
  bool json = false;
  bool quiet = false;
};

void add_draw_options(CLI::App& command, DrawOptions& options);

struct DrawJob {
  Request request;
  /// Pixels of the files where they are not the drawn ones; 0 for as drawn.
  int64_t file_width = 0, file_height = 0;
  std::vector<std::string> warnings;  ///< about the files that were read
};

/// What the options describe; reads the files that they name. Without --seed a seed is drawn.
/// Throws Error naming the option.
DrawJob make_job(const DrawOptions& options);

/// Runs the request and writes pictures, tokens and report.
void draw_pictures(const DrawOptions& options);

/// "512x384" → width, height. Throws kInvalidInput.
std::pair<int64_t, int64_t> parse_size(const std::string& text);

/// The file of picture `index` of `count`: the path itself for one, else "name-1.png", …, with as
/// many digits as the last needs.
std::string numbered_path(const std::string& path, int64_t index, int64_t count);

}  // namespace glm_image::cli
