#pragma once

#include <string>
#include <vector>

#include "cli/command_table.h"

/// Scripts with which shells complete the program's commands, options and values.
namespace glm_image::cli {

std::string bash_completion(const std::vector<CommandEntry>& table);
std::string zsh_completion(const std::vector<CommandEntry>& table);
std::string fish_completion(const std::vector<CommandEntry>& table);

}  // namespace glm_image::cli
