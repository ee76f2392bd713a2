#pragma once

#include <chrono>

namespace glm_image {

/// Seconds from `time` until now.
inline double seconds_since(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - time).count();
}

}  // namespace glm_image
