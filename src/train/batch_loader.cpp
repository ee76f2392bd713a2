#include "train/batch_loader.h"

#include <omp.h>

namespace glm_image::train {

BatchLoader::BatchLoader(Stage& stage, int64_t first_step, int64_t end_step, int64_t threads)
    : next_given_(first_step), next_made_(first_step), end_step_(end_step), ahead_(threads + 2) {
  // The makers are made here, so that what that throws comes before any thread.
  std::vector<BatchMaker> makers;
  for (int64_t i = 0; i < threads; ++i) makers.push_back(stage.batch_maker());
  for (auto& make : makers) {
    threads_.emplace_back([this, own = std::move(make)] { run(own); });
  }
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void BatchLoader::run(const BatchMaker& make) {
  // One thread's work here; the others belong to the step that is computed meanwhile. Not
  // at::set_num_threads: that would be for every thread of the process that has not computed yet.
  at::internal::lazy_init_num_threads();
  omp_set_num_threads(1);
  at::NoGradGuard no_grad;
  while (true) {
    int64_t step = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || next_made_ < next_given_ + ahead_; });
      if (stop_ || next_made_ >= end_step_) return;
      step = next_made_++;
    }
    Made made;
    try {
      made.batch = make(step);
    } catch (...) {
      made.failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      made_.emplace(step, std::move(made));
    }
    changed_.notify_all();
  }
}

Batch BatchLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return made_.count(next_given_) > 0; });
  auto made = std::move(made_.extract(next_given_++).mapped());
  if (made.failure) std::rethrow_exception(made.failure);
  changed_.notify_all();
  return std::move(made.batch);
}

}  // namespace glm_image::train
