#pragma once

#include <string>
#include <vector>

#include "cli/command_table.h"

namespace glm_image::cli {

/// The manual page of a command, section 1, in the man macros of groff (man(7)). `table` is the
/// whole program's, for references to other pages.
std::string manual_page(const CommandEntry& command, const std::vector<CommandEntry>& table);

}  // namespace glm_image::cli
