#include "server/turn_queue.h"

#include <utility>

namespace glm_image::server {

void TurnQueue::add(Task task) {
  tasks_.push_back(std::move(task));
  resume();
}

void TurnQueue::resume() {
  if (is_scheduled_ || tasks_.empty()) return;
  // Asio appends this to its own queue, behind the events of all sockets.
  asio::post(io_, [this] {
    is_scheduled_ = false;
    run_turn();
  });
  is_scheduled_ = true;
}

void TurnQueue::run_turn() {
  const auto end = Clock::now() + kTurnTime;
  // The queue may be empty: a task that adds another schedules a turn, and an earlier turn may have
  // run that task already.
  while (!tasks_.empty()) {
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    // Check after at least one task, so that the queue shrinks even if the system suspends this
    // thread.
    if (Clock::now() >= end) break;
  }
  resume();
}

}  // namespace glm_image::server
