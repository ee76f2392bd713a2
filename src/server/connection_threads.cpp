#include "server/connection_threads.h"

#include <system_error>

namespace glm_image::server {

TaskTaken ConnectionThreads::enqueue(std::function<void()> task) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (idle_ < tasks_.size()) {
      full = threads_.size() >= max_threads_;
      if (!full) add_thread();
    }
  }
  wake_.notify_one();
  if (full) make_room_();
  return TaskTaken(true);
}

void ConnectionThreads::add_thread() {
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // The system gives no more threads; the task waits for one of those there are.
  }
}

void ConnectionThreads::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
    --idle_;
    if (tasks_.empty()) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

void ConnectionThreads::shutdown() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

}  // namespace glm_image::server
