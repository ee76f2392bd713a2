#include "pipeline/thread_share.h"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "core/torch.h"

namespace glm_image::pipeline {

int threads_beside(double others, int processors, int most) {
  const auto left = static_cast<int>(std::lround(processors - others));
  return std::clamp(left, 1, std::max(most, 1));
}

// at::set_num_threads would change the number for every thread of the process that has not computed
// yet; OpenMP keeps one for each thread.
ThreadShare::ThreadShare(bool adapt) : adapt_(adapt), most_(at::get_num_threads()) {}

ThreadShare::~ThreadShare() {
  hold();
}

void ThreadShare::hold() {
  if (adapt_) omp_set_num_threads(most_);
}

void ThreadShare::update() {
  if (!adapt_) return;
  if (const auto others = load_.others()) {
    omp_set_num_threads(threads_beside(*others, load_.processors(), most_));
  }
}

}  // namespace glm_image::pipeline
