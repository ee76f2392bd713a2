#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

namespace glm_image::cluster {

/// A thread that runs functions for other threads, one at a time. OpenMP keeps a team of threads
/// for each thread that computes. With several teams it assumes oversubscribed processors, and its
/// threads synchronise more slowly.
class WorkThread {
 public:
  WorkThread();
  ~WorkThread();
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;

  /// Waits until the thread has run `work`. Throws what that throws.
  void run(std::function<void()> work);

 private:
  void run_all();

  std::mutex mutex_;
  std::condition_variable change_;
  std::deque<std::packaged_task<void()>> tasks_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace glm_image::cluster
