#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

/// Hints for command lines with errors.
namespace glm_image::cli {

/// Returns a sentence about a word that is not a command: it names the nearest command, if any.
std::string unknown_command(const CLI::App& app, const std::string& word);

/// Returns a sentence about the first unknown argument of a command line, for the command that was
/// given last ("train lora"). It names this program's option for those of other programs
/// (stable-diffusion.cpp, diffusers), the nearest option, or --prompt. `arguments` is the whole
/// command line. Empty if all are known.
std::string unknown_argument(const CLI::App& app, const std::vector<std::string>& arguments);

/// Returns a sentence about an option that was given several times and may be given once. It is one
/// of `app` or of the commands given. The text is empty if there is no such option.
std::string repeated_option(const CLI::App& app);

/// The word of `words` that is nearest to `word` by inserted, deleted, replaced and swapped
/// letters; empty if more than a third of its letters differ.
std::string nearest(const std::string& word, const std::vector<std::string>& words);

}  // namespace glm_image::cli
