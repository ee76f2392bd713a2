#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/draw_options.h"

namespace glm_image::cli {

/// The files of a run.
struct OutputNames {
  std::vector<std::string> pictures;  ///< of each picture; of drafts, the sheet each time
  std::vector<std::string> tokens;    ///< of each picture; empty for none
};

/// Names the files of `count` pictures. Without --output they are called picture.png, or
/// picture-1.png, …; numbers that exist are passed over, so that nothing is overwritten.
OutputNames name_outputs(const DrawOptions& options, int64_t count);

/// Refuses what could only fail after the drawing: hours may lie between. Throws kOutput, and
/// kInvalidInput for a file that is named twice.
void check_outputs(const OutputNames& names);

/// The file of picture `index` of `count`: the path itself for one, else "name-1.png", …, with as
/// many digits as the last needs.
std::string numbered_path(const std::string& path, int64_t index, int64_t count);

}  // namespace glm_image::cli
