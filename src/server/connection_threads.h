#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "server/http_library.h"

namespace glm_image::server {

/// A thread for every connection: made when all others are busy, and kept.
class ConnectionThreads : public httplib::TaskQueue {
 public:
  /// `make_room` is called before a connection beyond `max_threads` is taken.
  ConnectionThreads(size_t max_threads, std::function<void()> make_room)
      : max_threads_(max_threads), make_room_(std::move(make_room)) {}

  TaskTaken enqueue(std::function<void()> task) override;
  void shutdown() override;

 private:
  void add_thread();
  void work();

  const size_t max_threads_;
  const std::function<void()> make_room_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace glm_image::server
