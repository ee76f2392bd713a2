#pragma once

#include <filesystem>

namespace glm_image::cli {

/// A folder that comes with the program, such as "models/nano": installed beside it (bin/ →
/// share/glm_image/) or in the source tree that it was built in. Empty when there is none with the
/// file `mark` in it.
std::filesystem::path find_shipped(const std::filesystem::path& folder,
                                   const std::filesystem::path& mark);

}  // namespace glm_image::cli
