#include "server/job.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "server/job_queue.h"

namespace glm_image::server {

namespace {

using State = JobStatus::State;
using Lock = std::unique_lock<std::mutex>;

}  // namespace

const char* state_name(State state) {
  switch (state) {
    case State::kWaiting:
      return "waiting";
    case State::kRunning:
      return "running";
    case State::kDone:
      return "done";
    case State::kFailed:
      return "failed";
    case State::kCancelled:
      return "cancelled";
  }
  return "";
}

Job::Job(Request request,
         Prepare prepare,
         Keep keep,
         const PrepareNeeds& needs,
         std::shared_ptr<JobQueue> queue)
    : needs_(needs),
      queue_(std::move(queue)),
      request_(std::move(request)),
      prepare_(std::move(prepare)),
      keep_(std::move(keep)) {}

void Job::tell_change() {
  changed_ = true;
  change_.notify_all();
  if (listener_) listener_();
}

void Job::on_change(std::function<void()> listener) {
  const Lock lock(queue_->mutex_);
  listener_ = std::move(listener);
}

void Job::wait(Clock::duration longest) {
  Lock lock(queue_->mutex_);
  change_.wait_for(lock, longest, [this] { return changed_; });
  changed_ = false;
}

bool Job::is_over() const {
  const Lock lock(queue_->mutex_);
  return state_ != State::kWaiting && state_ != State::kRunning;
}

JobStatus Job::status() const {
  const Lock lock(queue_->mutex_);
  JobStatus status;
  status.state = state_;
  status.progress = progress_;
  status.is_prepared = !prepare_;
  if (state_ == State::kRunning) {
    const bool lacks_slot = !has_slot_ && queue_->free_slots() == 0;
    status.seconds_left =
        lacks_slot ? queue_->seconds_until_done(this) : queue_->seconds_left(*this);
  }
  if (state_ != State::kWaiting) return status;
  status.position = static_cast<int64_t>(queue_->running_.size());
  for (const auto& job : queue_->waiting_) {
    if (job.get() == this) break;
    ++status.position;
  }
  status.seconds_left = queue_->seconds_until_done(this);
  return status;
}

std::deque<Preview> Job::take_previews() {
  const Lock lock(queue_->mutex_);
  return std::exchange(previews_, {});
}

void Job::cancel() {
  const Lock lock(queue_->mutex_);
  cancelled_ = true;
  const auto is_this = [this](const auto& job) { return job.get() == this; };
  if (waits_for_slot()) {
    auto& running = queue_->running_;
    running.erase(std::find_if(running.begin(), running.end(), is_this));
  } else if (state_ == State::kWaiting) {
    queue_->waiting_.remove_if(is_this);
  } else {
    return;
  }
  queue_->drop(*this, "cancelled while waiting");
  queue_->wake_worker_.notify_all();
  queue_->worker_idle_.notify_all();
}

Result Job::take_result() {
  const Lock lock(queue_->mutex_);
  if (error_) std::rethrow_exception(error_);
  if (state_ == State::kCancelled) fail(ErrorCode::kCancelled, cancelled_because_);
  return std::move(result_);
}

}  // namespace glm_image::server
