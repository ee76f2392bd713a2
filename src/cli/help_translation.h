#pragma once

#include <CLI/CLI.hpp>

namespace glm_image::cli {

/// Translates all that --help shows of a command and of its sub-commands: descriptions, headings,
/// and paragraphs of footers. Examples stay as they are.
void translate_help(CLI::App& app);

}  // namespace glm_image::cli
