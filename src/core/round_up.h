#pragma once

#include <cstdint>

namespace glm_image {

/// a/b, rounded up. Both are positive, or a is 0.
constexpr int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// The smallest multiple of b that is at least a.
constexpr int64_t round_up(int64_t a, int64_t b) {
  return divide_up(a, b) * b;
}

}  // namespace glm_image
