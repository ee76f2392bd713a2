#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "server/job_queue.h"
#include "support/test_support.h"

/// A queue with several slots, with a stub for the pipeline. Tests control which jobs end, which
/// are prepared, and how much room there is.
namespace glm_image::test {

using namespace server;
using namespace std::chrono_literals;

inline Request slot_request(const std::string& prompt) {
  Request request;
  request.prompt = prompt;
  request.width = request.height = 64;
  return request;
}

/// Room for some jobs at the same time. A job is drawn until its prompt is released.
class Room {
 public:
  Slots slots(int64_t count) {
    Slots slots;
    slots.count = count;
    slots.room = [this] { return free(); };
    slots.find = [this](const Request& asked, int64_t open) -> Draw {
      const std::lock_guard lock(mutex_);
      asked_.emplace_back(asked.prompt, open);
      if (free_ == 0) return {};
      --free_;
      const std::shared_ptr<void> place(nullptr, [this](void*) {
        const std::lock_guard place_lock(mutex_);
        ++free_;
      });
      return [this, place](const Request& request, const ProgressCallback& progress, const auto&) {
        return draw(request, progress);
      };
    };
    return slots;
  }
  void set_free(int64_t free) {
    const std::lock_guard lock(mutex_);
    free_ = free;
  }
  int64_t free() {
    const std::lock_guard lock(mutex_);
    return free_;
  }
  void release(const std::string& prompt) {
    const std::lock_guard lock(mutex_);
    released_[prompt] = true;
  }
  /// Prompts and numbers of open jobs, as they asked for room.
  std::vector<std::pair<std::string, int64_t>> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::atomic<int> most_at_work{0};

 private:
  Result draw(const Request& request, const ProgressCallback& progress) {
    if (request.prompt == "fails") fail(ErrorCode::kInternal, "broken");
    const int now = ++at_work_;
    if (now > most_at_work) most_at_work = now;
    for (int64_t step = 0; !is_released(request.prompt); ++step) {
      if (!progress({Stage::kDenoising, step, 1000, 0})) {
        --at_work_;
        fail(ErrorCode::kCancelled, "stopped");
      }
      std::this_thread::sleep_for(1ms);
    }
    --at_work_;
    Result result;
    result.spelled_texts = {request.prompt};
    return result;
  }
  bool is_released(const std::string& prompt) {
    const std::lock_guard lock(mutex_);
    return released_[prompt];
  }

  std::mutex mutex_;
  int64_t free_ = 1000;
  std::map<std::string, bool> released_;
  std::vector<std::pair<std::string, int64_t>> asked_;
  std::atomic<int> at_work_{0};
};

class QueueWithSlots : public testing::Test {
 protected:
  void start(int64_t count, Rest rest = {}, size_t max_waiting = 4) {
    queue_ = JobQueue::start(room_.slots(count), max_waiting, {}, {}, std::move(rest));
  }
  void start_with_memory(int64_t count, int64_t max_prepared_bytes) {
    auto slots = room_.slots(count);
    slots.max_prepared_bytes = max_prepared_bytes;
    queue_ = JobQueue::start(std::move(slots), /*max_waiting=*/8);
  }
  std::shared_ptr<Job> submit(const std::string& prompt) {
    return queue_->submit(slot_request(prompt));
  }
  /// Its preparation waits until answer(prompt), as for another program.
  std::shared_ptr<Job> submit_waiting(const std::string& prompt) {
    const auto prepare = [this](const Request& request, const std::function<bool()>& goes_on) {
      {
        const std::lock_guard lock(mutex_);
        asks_.push_back(request.prompt);
      }
      while (!is_answered(request.prompt)) {
        if (!goes_on()) fail(ErrorCode::kCancelled, "stopped");
        std::this_thread::sleep_for(1ms);
      }
      return request;
    };
    PrepareNeeds needs;
    needs.waits = true;
    return queue_->submit(slot_request(prompt), prepare, {}, needs);
  }
  void answer(const std::string& prompt) {
    const std::lock_guard lock(mutex_);
    answered_.push_back(prompt);
  }
  bool is_answered(const std::string& prompt) {
    const std::lock_guard lock(mutex_);
    return std::count(answered_.begin(), answered_.end(), prompt) > 0;
  }
  /// The prompts whose preparation has begun, in that order.
  std::vector<std::string> asks() {
    const std::lock_guard lock(mutex_);
    return asks_;
  }
  std::shared_ptr<Job> submit_with_memory(const std::string& prompt, int64_t bytes) {
    PrepareNeeds needs;
    needs.bytes = bytes;
    return queue_->submit(slot_request(prompt), {}, {}, needs);
  }
  /// Waits until the job has made a step.
  static void wait_for_step(const std::shared_ptr<Job>& job) {
    wait_until([&] { return job->status().progress.step > 0; });
  }
  ~QueueWithSlots() override {
    if (queue_) queue_->close(0s);
  }

  Room room_;
  std::mutex mutex_;
  std::vector<std::string> asks_, answered_;
  std::shared_ptr<JobQueue> queue_;
};

}  // namespace glm_image::test
