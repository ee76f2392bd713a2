#pragma once

#include <algorithm>
#include <string>

#include "cli/translation.h"

namespace glm_image::cli {

/// The text with spaces behind it, so that it takes `columns` of a terminal.
inline std::string left_cell(const std::string& text, std::size_t columns) {
  return text + std::string(columns - std::min(columns, columns_of(text)), ' ');
}

/// The text with spaces before it.
inline std::string right_cell(const std::string& text, std::size_t columns) {
  return std::string(columns - std::min(columns, columns_of(text)), ' ') + text;
}

}  // namespace glm_image::cli
