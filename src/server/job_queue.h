#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "glm_image/pipeline.h"
#include "server/duration_estimate.h"

namespace glm_image::server {

/// Draws one request: Pipeline::generate, or a test's stand-in for it.
using Draw = std::function<Result(const Request&, const ProgressCallback&, const PreviewCallback&)>;

/// How a job stands.
struct JobStatus {
  enum class State { kWaiting, kRunning, kDone, kFailed, kCancelled };
  State state = State::kWaiting;
  int64_t position = 0;                ///< jobs before it, the running one included
  std::optional<double> seconds_left;  ///< until it is done; nothing before anything was drawn
  Progress progress;                   ///< of the running job
};

/// The state's name in answers: "waiting", "running", ….
const char* state_name(JobStatus::State state);

class JobQueue;

/// One request in the queue. Held by the client's thread and by the queue; all of it may be called
/// from any thread.
class Job {
 public:
  using Clock = std::chrono::steady_clock;

  /// Without its pictures once it is over.
  const Request& request() const { return request_; }

  /// Blocks until something about the job changed since the last call, or for `longest`.
  void wait(Clock::duration longest);
  JobStatus status() const;
  /// Early pictures not yet taken, the newest of them.
  std::deque<Preview> take_previews();
  bool is_over() const;
  /// Waiting: gone at once. Running: it stops at its next step. Over: nothing happens.
  void cancel();
  /// After it is over: the pictures; throws what the drawing threw (kCancelled after cancel).
  Result take_result();

 private:
  friend class JobQueue;
  Job(Request request, std::shared_ptr<JobQueue> queue);

  const std::shared_ptr<JobQueue> queue_;
  // The rest is guarded by the queue's mutex, but that the worker reads the request of its job.
  Request request_;
  JobStatus::State state_ = JobStatus::State::kWaiting;
  Progress progress_;
  Clock::time_point began_;
  bool cancelled_ = false;
  bool changed_ = false;
  std::deque<Preview> previews_;
  Result result_;
  std::exception_ptr error_;
  std::condition_variable change_;
};

/// What left the queue; for metrics. Told on any thread, one after the other.
struct FinishedJob {
  const Request& request;
  JobStatus::State state;
  const Result& result;  ///< empty unless done
  double seconds;        ///< of drawing; 0 for what never began
};

/// A bounded queue in front of one worker thread, first come, first served.
class JobQueue : public std::enable_shared_from_this<JobQueue> {
 public:
  using OnFinished = std::function<void(const FinishedJob&)>;

  /// At most `max_waiting` jobs wait behind the one that runs.
  static std::shared_ptr<JobQueue> start(Draw draw,
                                         size_t max_waiting,
                                         OnFinished on_finished = {});
  ~JobQueue();

  /// Nothing when the queue is full or closed. The request is checked and has its size filled in.
  std::shared_ptr<Job> submit(Request request);
  bool is_full() const;
  bool is_closed() const;

  struct Load {
    int64_t waiting = 0;
    bool running = false;
    std::optional<double> seconds_left;  ///< until all are done
    double seconds_to_a_free_place = 0;  ///< a guess, for Retry-After
  };
  Load load() const;

  /// Takes no more jobs, drops those that wait, and lets the running one go on for `grace` before
  /// it is cancelled. Returns when the worker is idle for good. For one thread.
  void close(std::chrono::duration<double> grace);

 private:
  friend class Job;
  JobQueue(Draw draw, size_t max_waiting, OnFinished on_finished);

  void work();
  void run(const std::shared_ptr<Job>& job);
  /// All with the mutex held.
  void finish(Job& job, JobStatus::State state, std::exception_ptr error);
  void drop(Job& job, const char* why);
  std::optional<double> seconds_left(const Job& job) const;

  const Draw draw_;
  const size_t max_waiting_;
  const OnFinished on_finished_;
  mutable std::mutex mutex_;
  std::condition_variable wake_worker_;
  std::condition_variable worker_idle_;
  std::list<std::shared_ptr<Job>> waiting_;
  std::shared_ptr<Job> running_;
  bool closed_ = false;
  DurationEstimate estimate_;
  std::thread worker_;
};

}  // namespace glm_image::server
