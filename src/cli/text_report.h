#pragma once

#include <string>
#include <vector>

#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// Prints on standard error, in the user's language, what was read back from the picture of `file`:
/// a line for each text, or for those that are not right.
void print_checks(const std::string& file,
                  const std::vector<TextCheck>& checks,
                  bool only_wrong = false);

/// Prints a warning if no candidate of --best-of has all texts right.
void warn_of_candidates(const Result& result);

}  // namespace glm_image::cli
