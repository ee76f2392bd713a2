#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "server/job.h"

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
  /// PrepareNeeds::bytes of all jobs that are prepared or drawn at the same time, together. A
  /// single job may need more. 0: one such job at a time.
  int64_t max_prepared_bytes = 0;
};

/// What a worker does when the queue is idle.
struct Rest {
  std::function<void()> action;  ///< must not throw
  /// Time without jobs after which the action runs. No value: only JobQueue::rest runs it.
  std::optional<std::chrono::duration<double>> after;
};

/// A job that left the queue, for metrics. Calls come from any thread, but never concurrently.
struct FinishedJob {
  const Request& request;
  JobStatus::State state;
  const Result& result;  ///< empty unless done
  double seconds;        ///< of drawing; 0 if it never began
};

/// A bounded queue. Jobs begin in the order in which they came, one at a time, or as many as there
/// are slots for. Each slot has a worker thread, which draws.
///
/// A preparation that waits (PrepareNeeds::waits) begins as soon as there is room for its job. The
/// job holds no slot meanwhile: jobs behind it may be drawn first. Other threads, as many as there
/// are slots, run such preparations. Once prepared, the job gets the next slot.
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
  std::shared_ptr<Job> submit(Request request,
                              Prepare prepare = {},
                              Keep keep = {},
                              const PrepareNeeds& needs = {});
  /// Whether submit() returns null for every job.
  bool is_full() const;
  bool is_closed() const;

  /// Runs Rest::action and returns true. If jobs are pending, returns false at once, and the action
  /// runs after them.
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

  /// What a worker does next with a job: draw it, or without `draw` prepare it.
  struct Turn {
    std::shared_ptr<Job> job;
    Draw draw;
  };

  void work();             // of the threads that draw
  void wait_for_others();  // of the threads that prepare jobs whose preparation waits
  /// With the mutex held: wait for a job, the time to rest, or the end; rest; wait for a turn,
  /// whose job may be cancelled meanwhile; take the turn.
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  void rest_now(std::unique_lock<std::mutex>& lock);
  Turn find_turn(std::unique_lock<std::mutex>& lock);
  void take_turn(std::unique_lock<std::mutex>& lock, Turn turn);
  /// Without the mutex. Returns false if the job is prepared now and waits for a slot.
  bool run(const std::shared_ptr<Job>& job, const Draw& draw);
  void prepare(Job& job);
  Result draw_prepared(Job& job, const Draw& draw);
  /// The functions below require the mutex.
  void note_progress(Job& job, const Progress& progress);
  void finish(Job& job, JobStatus::State state, std::exception_ptr error);
  void drop(Job& job, const char* why);
  void tell_finished(const FinishedJob& job) const noexcept;
  bool has_jobs() const;
  bool has_turns() const;
  bool has_ended() const;
  Turn next_turn() const;
  std::shared_ptr<Job> next_to_prepare() const;
  Turn turn_with_slot(const std::shared_ptr<Job>& job) const;
  bool has_memory(const Job& job) const;
  int64_t jobs_without_slot() const;
  int64_t prepared_jobs() const;
  int64_t free_slots() const;
  int64_t room() const;
  bool has_place(bool waits) const;
  std::optional<double> seconds_left(const Job& job) const;
  std::optional<double> seconds_until_done(const Job* last) const;

  /// How often a job that waits for room asks for it. Room that another job frees is found at once.
  static constexpr std::chrono::milliseconds kSlotTick{100};

  const Slots slots_;
  const size_t max_waiting_;
  const OnFinished on_finished_;
  mutable std::mutex mutex_;
  std::condition_variable wake_worker_;
  std::condition_variable worker_idle_;
  std::list<std::shared_ptr<Job>> waiting_;
  std::vector<std::shared_ptr<Job>> running_;
  bool closed_ = false;
  bool is_seeking_ = false;  // a worker waits for a turn
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
