#include "train/batch_loader.h"

#include <omp.h>

namespace glm_image::train {

BatchLoader::BatchLoader(Stage& stage, int64_t first_step, int64_t end_step, size_t ahead)
    : stage_(stage), next_step_(first_step), end_step_(end_step), ahead_(ahead) {
  thread_ = std::thread([this] { run(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BatchLoader::run() {
  // One thread's work here; the others belong to the step that is computed meanwhile. Not
  // at::set_num_threads: that would be for every thread of the process that has not computed yet.
  at::internal::lazy_init_num_threads();
  omp_set_num_threads(1);
  at::NoGradGuard no_grad;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || ready_.size() < ahead_; });
      if (stop_ || next_step_ == end_step_) return;
    }
    try {
      auto batch = stage_.make_batch(next_step_++);
      const std::lock_guard lock(mutex_);
      ready_.push_back(std::move(batch));
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
    }
    changed_.notify_all();
    if (failure_) return;
  }
}

Batch BatchLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  auto batch = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return batch;
}

}  // namespace glm_image::train
