#include "core/cpu_threads.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "core/torch.h"

namespace glm_image {

int cpu_threads(int asked) {
  if (asked > 0) return asked;
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return at::get_num_threads();
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace glm_image
