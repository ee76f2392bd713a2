#include "cluster/work_thread.h"

#include <utility>

namespace glm_image::cluster {

WorkThread::WorkThread() : thread_([this] { run_all(); }) {}

WorkThread::~WorkThread() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    change_.notify_all();
  }
  thread_.join();
}

void WorkThread::run(std::function<void()> work) {
  std::packaged_task<void()> task(std::move(work));
  auto done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    change_.notify_all();
  }
  done.get();
}

void WorkThread::run_all() {
  std::unique_lock lock(mutex_);
  while (true) {
    change_.wait(lock, [this] { return is_over_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace glm_image::cluster
