#include "core/cpu_threads.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <thread>

namespace glm_image {

int cpu_threads(int asked) {
  if (asked > 0) return asked;
  if (const char* variable = std::getenv("OMP_NUM_THREADS"); variable != nullptr) {
    // OpenMP allows a list, "4,2": a number for each level of nested threads.
    const long first = std::strtol(variable, nullptr, 10);
    if (first > 0 && first <= std::numeric_limits<int>::max()) return static_cast<int>(first);
  }
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace glm_image
