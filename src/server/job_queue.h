#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "glm_image/pipeline.h"
#include "pipeline/duration_estimate.h"

namespace glm_image::server {

/// Runs one request: Pipeline::generate, or a stub in tests.
using Draw = std::function<Result(const Request&, const ProgressCallback&, const PreviewCallback&)>;

/// Where jobs are drawn, if several are drawn at the same time.
struct Slots {
  int64_t count = 1;  ///< jobs at the same time, at most
  /// Returns what draws this job, or an empty function while there is no room for it. `open`: jobs
  /// that wait for room, with this one. The room is free again once the result is destroyed. Called
  /// with the queue's lock held, so it must not call the queue.
  std::function<Draw(const Request& request, int64_t open)> find;
  /// Jobs for which find() has room now, at most. Called as find() is. Without it, there is room
  /// for `count` jobs.
  std::function<int64_t()> room;
};

/// Completes a request when its turn comes, e.g. decodes its pictures. `goes_on` returns false once
/// the request is cancelled.
using Prepare = std::function<Request(const Request&, const std::function<bool()>& goes_on)>;

/// Receives the result of an asynchronous job, on the worker's thread. An exception becomes the
/// job's failure.
using Keep = std::function<void(const Request&, Result&)>;

/// What the worker does once there is nothing to draw.
struct Rest {
  std::function<void()> action;  ///< must not throw
  /// After the last job; never, without a value, unless JobQueue::rest asks for it.
  std::optional<std::chrono::duration<double>> after;
};

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
  Job(Request request, Prepare prepare, Keep keep, std::shared_ptr<JobQueue> queue);
  /// Requires the queue's mutex.
  void tell_change();

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
  bool cancelled_ = false;
  bool changed_ = false;
  std::deque<Preview> previews_;
  Result result_;
  std::exception_ptr error_;
  const char* cancelled_because_ = "cancelled";
  std::condition_variable change_;
};

/// A job that left the queue, for metrics. Calls come from any thread, but never concurrently.
struct FinishedJob {
  const Request& request;
  JobStatus::State state;
  const Result& result;  ///< empty unless done
  double seconds;        ///< of drawing; 0 if it never began
};

/// A bounded queue. Jobs begin in the order in which they came, one at a time, or as many as there
/// are slots for. Each slot has a worker thread.
class JobQueue : public std::enable_shared_from_this<JobQueue> {
 public:
  using OnFinished = std::function<void(const FinishedJob&)>;

  /// At most `max_waiting` jobs wait, beside those for which there is room. `estimate` holds rates
  /// measured in earlier runs.
  static std::shared_ptr<JobQueue> start(Slots slots,
                                         size_t max_waiting,
                                         OnFinished on_finished = {},
                                         const pipeline::DurationEstimate& estimate = {},
                                         Rest rest = {});
  /// With one slot.
  static std::shared_ptr<JobQueue> start(Draw draw,
                                         size_t max_waiting,
                                         OnFinished on_finished = {},
                                         const pipeline::DurationEstimate& estimate = {},
                                         Rest rest = {});
  ~JobQueue();

  /// Returns null if the queue is full or closed. The request must be checked and have a size,
  /// unless `prepare` does that.
  std::shared_ptr<Job> submit(Request request, Prepare prepare = {}, Keep keep = {});
  bool is_full() const;
  bool is_closed() const;

  /// Asks for the rest. True once it is over; false where jobs are there, after which it comes.
  bool rest();

  struct Load {
    int64_t waiting = 0;
    int64_t running = 0;
    std::optional<double> seconds_left;  ///< until all are done
    double seconds_to_a_free_place = 0;  ///< estimate for Retry-After
  };
  Load load() const;

  /// Accepts no more jobs, drops the waiting ones, and cancels the running ones after `grace`.
  /// Returns once all workers are idle. Call it from one thread only.
  void close(std::chrono::duration<double> grace);

 private:
  friend class Job;
  JobQueue(Slots slots,
           size_t max_waiting,
           OnFinished on_finished,
           const pipeline::DurationEstimate& estimate,
           Rest rest);

  void work();
  /// With the mutex held: wait for a job, the time to rest, or the end; rest; wait for a slot for
  /// the first job, which may be cancelled meanwhile; run that job.
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void rest_now(std::unique_lock<std::mutex>& lock);
  Draw find_slot(std::unique_lock<std::mutex>& lock);
  void run_first(std::unique_lock<std::mutex>& lock, Draw draw);
  /// Without the mutex.
  void run(const std::shared_ptr<Job>& job, const Draw& draw);
  Result prepare_and_draw(Job& job, const Draw& draw);
  /// The functions below require the mutex.
  void note_progress(Job& job, const Progress& progress);
  void finish(Job& job, JobStatus::State state, std::exception_ptr error);
  void drop(Job& job, const char* why);
  void tell_finished(const FinishedJob& job) const noexcept;
  int64_t free_slots() const;
  bool has_no_place() const;
  std::optional<double> seconds_left(const Job& job) const;
  std::optional<double> seconds_until_done(const Job* last) const;

  const Slots slots_;
  const size_t max_waiting_;
  const OnFinished on_finished_;
  mutable std::mutex mutex_;
  std::condition_variable wake_worker_;
  std::condition_variable worker_idle_;
  std::list<std::shared_ptr<Job>> waiting_;
  std::vector<std::shared_ptr<Job>> running_;
  bool closed_ = false;
  bool is_seeking_ = false;  // a worker waits for a slot
  bool finds_none_ = false;  // there is no room for the first job
  const Rest rest_;
  bool rest_asked_ = false;
  bool rested_ = true;       // since the last job
  bool is_resting_ = false;  // a worker does
  Job::Clock::time_point idle_since_ = Job::Clock::now();
  pipeline::DurationEstimate estimate_;
  std::vector<std::thread> workers_;
};

}  // namespace glm_image::server
