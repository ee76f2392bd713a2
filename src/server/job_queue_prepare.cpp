// How a JobQueue prepares jobs, also before they have a slot.

#include <algorithm>

#include "core/error.h"
#include "server/job_queue.h"

namespace glm_image::server {
namespace {

using Lock = std::unique_lock<std::mutex>;

}  // namespace

/// Returns the first job whose preparation waits, if there is room for it; else null.
std::shared_ptr<Job> JobQueue::next_to_prepare() const {
  try {
    if (jobs_without_slot() >= slots_.count) return nullptr;
    for (const auto& job : waiting_) {
      if (!has_memory(*job)) break;
      if (job->needs_.waits) return room() > 0 ? job : nullptr;
    }
  } catch (const std::exception&) {
    // Without memory, it is tried again.
  }
  return nullptr;
}

void JobQueue::wait_for_others() {
  Lock lock(mutex_);
  const auto is_waiting = [this] {
    return std::any_of(
        waiting_.begin(), waiting_.end(), [](const auto& job) { return job->needs_.waits; });
  };
  while (!closed_) {
    if (const auto job = next_to_prepare()) {
      take_turn(lock, {job, {}});
    } else if (is_waiting()) {
      // Room may come without a notice.
      wake_worker_.wait_for(lock, kSlotTick);
    } else {
      wake_worker_.wait(lock);
    }
  }
}

void JobQueue::prepare(Job& job) {
  if (!job.prepare_) return;
  auto complete = job.prepare_(job.request_, [&] {
    const Lock lock(mutex_);
    return !job.cancelled_;
  });
  const Lock lock(mutex_);
  if (job.cancelled_) fail(ErrorCode::kCancelled, "cancelled");
  job.request_ = std::move(complete);
  job.prepare_ = {};
}

}  // namespace glm_image::server
