#pragma once

#include <cstdint>

namespace glm_image::train {

/// The most steps that a run may have: a config's limit, and what a file of a run may claim.
inline constexpr int64_t kMostSteps = int64_t{1} << 40;

}  // namespace glm_image::train
