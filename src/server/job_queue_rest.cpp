// How a queue waits for work, and rests when there is none: see job_queue.h.

#include <algorithm>

#include "server/job_queue.h"

namespace glm_image::server {
namespace {

using State = JobStatus::State;
using Lock = std::unique_lock<std::mutex>;

}  // namespace

bool JobQueue::has_jobs() const {
  // A finished job stays in `running_` until its worker has stored its result.
  return !waiting_.empty() || std::any_of(running_.begin(), running_.end(), [](const auto& job) {
    return job->state_ == State::kRunning;
  });
}

bool JobQueue::rest() {
  Lock lock(mutex_);
  rest_asked_ = true;
  wake_worker_.notify_all();
  // A job may come before a worker rests; it can take hours.
  worker_idle_.wait(lock,
                    [this] { return !rest_asked_ || closed_ || (!is_resting_ && has_jobs()); });
  return !rest_asked_;
}

void JobQueue::wait_for_work(Lock& lock) {
  const auto is_due = [this] {
    if (is_resting_) return false;
    if (has_ended() || (has_turns() && !is_seeking_)) return true;
    return rest_asked_ && waiting_.empty() && running_.empty();
  };
  const auto will_rest = [this] {
    const bool is_idle = waiting_.empty() && running_.empty() && !is_resting_;
    return rest_.after && !rested_ && is_idle;
  };
  if (!will_rest()) {
    // The last job may end on a thread that does not rest, or be cancelled.
    return wake_worker_.wait(lock, [&] { return is_due() || will_rest(); });
  }
  const auto after = std::chrono::duration_cast<Job::Clock::duration>(*rest_.after);
  if (wake_worker_.wait_until(lock, idle_since_ + after, is_due)) return;
  // Other workers may have run a job meanwhile.
  if (will_rest() && Job::Clock::now() >= idle_since_ + after) rest_asked_ = true;
}

void JobQueue::rest_now(Lock& lock) {
  is_resting_ = true;
  lock.unlock();
  if (rest_.action) rest_.action();
  lock.lock();
  is_resting_ = false;
  rest_asked_ = false;
  rested_ = true;
  worker_idle_.notify_all();
  wake_worker_.notify_all();
}

}  // namespace glm_image::server
