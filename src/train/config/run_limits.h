#pragma once

#include <cstdint>

namespace glm_image::train {

/// Largest number of steps of a run, in configs and in files.
inline constexpr int64_t kMostSteps = int64_t{1} << 40;

}  // namespace glm_image::train
