#pragma once

#include <deque>
#include <functional>

#include "server/boost.h"

namespace glm_image::server {

/// Work of all connections on the thread of `io`, first in, first out, in turns of at most
/// kTurnTime. Between two turns, the thread handles what has come on other sockets. This keeps the
/// time to accept a connection and to answer its first request independent of the work that older
/// connections have sent.
class TurnQueue {
 public:
  using Task = std::function<void()>;

  explicit TurnQueue(asio::io_context& io) : io_(io) {}

  /// Only for the thread of `io`. The task must not throw. A connection has one task at most, so
  /// that it gets one request answered for each request of every other connection.
  void add(Task task);
  /// Schedules the next turn if memory was too short for it. Throws std::bad_alloc.
  void resume();

  static constexpr std::chrono::milliseconds kTurnTime{2};

 private:
  void run_turn();

  asio::io_context& io_;
  std::deque<Task> tasks_;
  bool is_scheduled_ = false;
};

}  // namespace glm_image::server
