#include "train/run/batch_loader.h"

#include <omp.h>

namespace glm_image::train {

BatchLoader::BatchLoader(
    Stage& stage, int64_t first, int64_t end, int64_t threads, IndexOf index_of)
    : index_of_(std::move(index_of)),
      next_given_(first),
      next_made_(first),
      end_(end),
      ahead_(threads + 2) {
  // Create all makers before the first thread, so that their exceptions leave the constructor.
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
  // One OpenMP thread per loader thread, because the training step uses the other cores at the same
  // time. at::set_num_threads would also apply to threads that have not computed yet.
  at::internal::lazy_init_num_threads();
  omp_set_num_threads(1);
  at::NoGradGuard no_grad;
  while (true) {
    int64_t number = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || next_made_ < next_given_ + ahead_; });
      if (stop_ || next_made_ >= end_) return;
      number = next_made_++;
    }
    Made made;
    try {
      made.batch = make(index_of_(number));
    } catch (...) {
      made.failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      made_.emplace(number, std::move(made));
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
