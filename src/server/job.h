#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "glm_image/pipeline.h"
#include "pipeline/duration_estimate.h"

namespace glm_image::server {

/// Completes a request when its turn comes, e.g. decodes its pictures. `goes_on` returns false once
/// the request is cancelled.
using Prepare = std::function<Request(const Request&, const std::function<bool()>& goes_on)>;

/// What a Prepare needs.
struct PrepareNeeds {
  /// Whether it waits for another program. It is then called before the job has a slot.
  bool waits = false;
  /// Memory of what it adds to the request, until the job is over.
  int64_t bytes = 0;
};

/// Receives the result of an asynchronous job, on the worker's thread. An exception becomes the
/// job's failure.
using Keep = std::function<void(const Request&, Result&)>;

/// The state of a job.
struct JobStatus {
  enum class State { kWaiting, kRunning, kDone, kFailed, kCancelled };
  State state = State::kWaiting;
  int64_t position = 0;                ///< jobs before it, including the running ones
  std::optional<double> seconds_left;  ///< until it is done, if the rates of its stages are known
  Progress progress;                   ///< of the running job
  bool is_prepared = false;            ///< whether its request is complete
};

/// The state's name in responses: "waiting", "running", ….
const char* state_name(JobStatus::State state);

class JobQueue;

/// One request in the queue. Thread-safe; shared by the client's thread and the queue.
class Job {
 public:
  using Clock = std::chrono::steady_clock;

  /// After the job is over, complete and without its pictures.
  const Request& request() const { return request_; }

  /// Blocks until the job has changed since the last call, at most for `longest`.
  void wait(Clock::duration longest);
  /// Calls `listener` on every change while holding the queue's lock. It must not call the queue.
  void on_change(std::function<void()> listener);
  JobStatus status() const;
  /// Returns the newest previews that have not been taken yet.
  std::deque<Preview> take_previews();
  bool is_over() const;
  /// Removes a waiting job at once and stops a running one at its next step. Does nothing if it is
  /// over.
  void cancel();
  /// Requires is_over(). Returns the pictures or throws the job's exception (kCancelled after
  /// cancel()).
  Result take_result();

 private:
  friend class JobQueue;
  Job(Request request,
      Prepare prepare,
      Keep keep,
      const PrepareNeeds& needs,
      std::shared_ptr<JobQueue> queue);
  /// Both require the queue's mutex.
  void tell_change();
  bool waits_for_slot() const {
    return state_ == JobStatus::State::kRunning && !prepare_ && !has_slot_;
  }

  const PrepareNeeds needs_;

  const std::shared_ptr<JobQueue> queue_;
  // The queue's mutex guards the members below, except that the worker reads its job's request
  // without it.
  Request request_;
  Prepare prepare_;
  Keep keep_;
  std::function<void()> listener_;
  JobStatus::State state_ = JobStatus::State::kWaiting;
  Progress progress_;
  Clock::time_point began_;
  std::map<Stage, Clock::time_point> stages_began_;
  std::optional<pipeline::TimeLeft> time_left_;  // while it runs
  std::optional<double> seconds_left_;           // as of `progressed_`
  Clock::time_point progressed_;
  bool has_slot_ = false;
  bool cancelled_ = false;
  bool changed_ = false;
  std::deque<Preview> previews_;
  Result result_;
  std::exception_ptr error_;
  const char* cancelled_because_ = "cancelled";
  std::condition_variable change_;
};

}  // namespace glm_image::server
