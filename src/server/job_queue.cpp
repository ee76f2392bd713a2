#include "server/job_queue.h"

#include <algorithm>
#include <new>
#include <utility>

#include "core/error.h"

namespace glm_image::server {
namespace {

using State = JobStatus::State;
using Lock = std::unique_lock<std::mutex>;

double seconds_since(Job::Clock::time_point time) {
  return std::chrono::duration<double>(Job::Clock::now() - time).count();
}

/// Assumed duration while there is no measurement.
constexpr double kUnknownSeconds = 5;
/// Previews kept per job.
constexpr size_t kMostPreviews = 16;
/// How often the first job asks for a slot. A slot that another job frees is found at once.
constexpr std::chrono::milliseconds kSlotTick{100};

}  // namespace

JobQueue::JobQueue(Slots slots,
                   size_t max_waiting,
                   OnFinished on_finished,
                   const pipeline::DurationEstimate& estimate,
                   Rest rest)
    : slots_(std::move(slots)),
      max_waiting_(max_waiting),
      on_finished_(std::move(on_finished)),
      rest_(std::move(rest)),
      estimate_(estimate) {
  running_.reserve(static_cast<size_t>(slots_.count));
}

std::shared_ptr<JobQueue> JobQueue::start(Slots slots,
                                          size_t max_waiting,
                                          OnFinished on_finished,
                                          const pipeline::DurationEstimate& estimate,
                                          Rest rest) {
  std::shared_ptr<JobQueue> queue(new JobQueue(
      std::move(slots), max_waiting, std::move(on_finished), estimate, std::move(rest)));
  for (int64_t i = 0; i < queue->slots_.count; ++i) {
    queue->workers_.emplace_back([raw = queue.get()] { raw->work(); });
  }
  return queue;
}

std::shared_ptr<JobQueue> JobQueue::start(Draw draw,
                                          size_t max_waiting,
                                          OnFinished on_finished,
                                          const pipeline::DurationEstimate& estimate,
                                          Rest rest) {
  Slots one;
  one.find = [draw = std::move(draw)](const Request&, int64_t) { return draw; };
  return start(std::move(one), max_waiting, std::move(on_finished), estimate, std::move(rest));
}

JobQueue::~JobQueue() {
  close(std::chrono::seconds(0));
}

int64_t JobQueue::free_slots() const {
  return slots_.count - static_cast<int64_t>(running_.size());
}

bool JobQueue::has_no_place() const {
  // Jobs that begin at once need no place. An idle queue begins with the first one.
  int64_t begin_at_once = running_.empty() ? 1 : 0;
  if (!finds_none_) {
    const auto room = slots_.room ? slots_.room() : slots_.count;
    begin_at_once = std::max(begin_at_once, std::min(room, free_slots()));
  }
  return waiting_.size() >= max_waiting_ + static_cast<size_t>(begin_at_once);
}

std::shared_ptr<Job> JobQueue::submit(Request request, Prepare prepare, Keep keep) {
  const Lock lock(mutex_);
  if (closed_ || has_no_place()) return nullptr;
  std::shared_ptr<Job> job(
      new Job(std::move(request), std::move(prepare), std::move(keep), shared_from_this()));
  waiting_.push_back(job);
  wake_worker_.notify_all();
  worker_idle_.notify_all();
  return job;
}

bool JobQueue::is_full() const {
  const Lock lock(mutex_);
  return has_no_place();
}

bool JobQueue::is_closed() const {
  const Lock lock(mutex_);
  return closed_;
}

JobQueue::Load JobQueue::load() const {
  const Lock lock(mutex_);
  Load load;
  load.waiting = static_cast<int64_t>(waiting_.size());
  load.running = static_cast<int64_t>(running_.size());
  load.seconds_left = seconds_until_done(nullptr);
  for (const auto& job : running_) {
    const double left = seconds_left(*job).value_or(kUnknownSeconds);
    const bool is_first = job == running_.front();
    load.seconds_to_a_free_place = is_first ? left : std::min(load.seconds_to_a_free_place, left);
  }
  return load;
}

/// Until this waiting job is done, or all jobs for null; if as many jobs run at the same time as
/// now.
std::optional<double> JobQueue::seconds_until_done(const Job* last) const {
  std::optional<double> before = 0.0;
  const auto add = [&](const Job& job) {
    const auto own = seconds_left(job);
    before = before && own ? std::optional(*before + *own) : std::nullopt;
  };
  for (const auto& job : running_) add(*job);
  for (const auto& job : waiting_) {
    if (job.get() == last) break;
    add(*job);
  }
  const auto own = last == nullptr ? 0.0 : seconds_left(*last);
  if (!before || !own) return std::nullopt;
  return *before / static_cast<double>(std::max<size_t>(running_.size(), 1)) + *own;
}

std::optional<double> JobQueue::seconds_left(const Job& job) const {
  if (job.state_ == State::kRunning && job.time_left_) {
    if (!job.seconds_left_) return std::nullopt;
    return std::max(0.0, *job.seconds_left_ - seconds_since(job.progressed_));
  }
  const auto all = estimate_.seconds(job.request_);
  if (!all || job.state_ != State::kRunning) return all;
  return std::max(0.0, *all - seconds_since(job.began_));
}

void JobQueue::note_progress(Job& job, const Progress& progress) {
  // A stage that a preview interrupts continues at its step; others begin with step 0.
  const bool begins = progress.step == 0 && job.progress_.stage != progress.stage;
  job.progress_ = progress;
  job.progressed_ = Job::Clock::now();
  if (!job.time_left_) job.time_left_.emplace(estimate_, job.request_);
  auto& began = job.stages_began_.emplace(progress.stage, job.progressed_).first->second;
  if (begins) began = job.progressed_;
  job.seconds_left_ = job.time_left_->seconds(progress, seconds_since(began));
}

void JobQueue::finish(Job& job, State state, std::exception_ptr error) {
  job.state_ = state;
  job.error_ = std::move(error);
  job.prepare_ = {};
  job.keep_ = {};
  job.time_left_.reset();
  job.tell_change();
}

void JobQueue::drop(Job& job, const char* why) {
  tell_finished({job.request_, State::kCancelled, {}, 0});
  // Do not create an exception here: there may be no memory for one.
  job.cancelled_because_ = why;
  finish(job, State::kCancelled, nullptr);
}

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
    if (closed_ || (!waiting_.empty() && !is_seeking_)) return true;
    return rest_asked_ && waiting_.empty() && running_.empty();
  };
  const bool is_idle = waiting_.empty() && running_.empty() && !is_resting_;
  if (rested_ || !rest_.after || !is_idle) {
    return wake_worker_.wait(lock, is_due);
  }
  const auto after = std::chrono::duration_cast<Job::Clock::duration>(*rest_.after);
  if (wake_worker_.wait_until(lock, idle_since_ + after, is_due)) return;
  // Other workers may have run a job meanwhile.
  const bool is_still_idle = waiting_.empty() && running_.empty() && !is_resting_ && !rested_;
  if (is_still_idle && Job::Clock::now() >= idle_since_ + after) rest_asked_ = true;
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

Draw JobQueue::find_slot(Lock& lock) {
  is_seeking_ = true;
  Draw draw;
  while (!waiting_.empty()) {
    try {
      // Jobs for which there is no worker must not lessen the share of this one.
      const auto open = std::min(static_cast<int64_t>(waiting_.size()), free_slots());
      draw = slots_.find(waiting_.front()->request_, open);
    } catch (const std::exception&) {
      // Without memory, it is tried again.
    }
    if (draw) break;
    finds_none_ = true;
    wake_worker_.wait_for(lock, kSlotTick);
  }
  is_seeking_ = finds_none_ = false;
  // Another worker finds a slot for the next job.
  wake_worker_.notify_all();
  return draw;
}

void JobQueue::run_first(Lock& lock, Draw draw) {
  const auto job = waiting_.front();
  waiting_.pop_front();
  running_.push_back(job);
  job->state_ = State::kRunning;
  job->began_ = Job::Clock::now();
  job->tell_change();
  lock.unlock();
  run(job, draw);
  draw = nullptr;
  lock.lock();
  running_.erase(std::find(running_.begin(), running_.end(), job));
  rested_ = false;
  idle_since_ = Job::Clock::now();
  worker_idle_.notify_all();
  wake_worker_.notify_all();
}

void JobQueue::work() {
  Lock lock(mutex_);
  while (true) {
    wait_for_work(lock);
    if (!waiting_.empty() && !is_seeking_ && !is_resting_) {
      if (auto draw = find_slot(lock)) run_first(lock, std::move(draw));
    } else if (closed_ && waiting_.empty()) {
      break;
    } else if (rest_asked_ && running_.empty() && !is_resting_) {
      rest_now(lock);
    }
  }
}

Result JobQueue::prepare_and_draw(Job& job, const Draw& draw) {
  if (job.prepare_) {
    auto complete = job.prepare_(job.request_, [&] {
      const Lock lock(mutex_);
      return !job.cancelled_;
    });
    const Lock lock(mutex_);
    job.request_ = std::move(complete);
    job.prepare_ = {};
  }
  auto result = draw(
      job.request_,
      [&](const Progress& progress) {
        const Lock lock(mutex_);
        note_progress(job, progress);
        job.tell_change();
        return !job.cancelled_;
      },
      [&](const Preview& preview) {
        const Lock lock(mutex_);
        // Drop the oldest preview for a slow reader.
        if (job.previews_.size() == kMostPreviews) job.previews_.pop_front();
        job.previews_.push_back(preview);
        job.tell_change();
      });
  if (job.keep_) job.keep_(job.request_, result);
  return result;
}

void JobQueue::run(const std::shared_ptr<Job>& job, const Draw& draw) {
  Result result;
  std::exception_ptr error;
  auto state = State::kDone;
  try {
    result = prepare_and_draw(*job, draw);
  } catch (const Error& failure) {
    state = failure.code() == ErrorCode::kCancelled ? State::kCancelled : State::kFailed;
    error = std::current_exception();
  } catch (...) {
    state = State::kFailed;
    error = std::current_exception();
  }
  const Lock lock(mutex_);
  tell_finished({job->request_, state, result, seconds_since(job->began_)});
  try {
    if (state == State::kDone) estimate_.learn(job->request_, result);
  } catch (const std::bad_alloc&) {
    // Without memory, the next estimate is less accurate.
  }
  // Free the pictures, since a client may read its response slowly.
  job->request_.condition_images = {};
  job->result_ = std::move(result);
  // No client reads previews of a job after its pictures are stored.
  if (job->keep_ && !job->listener_) job->previews_.clear();
  finish(*job, state, error);
}

void JobQueue::tell_finished(const FinishedJob& job) const noexcept {
  try {
    if (on_finished_) on_finished_(job);
  } catch (const std::exception&) {
    // Without memory, a count is lost.
  }
}

void JobQueue::close(std::chrono::duration<double> grace) {
  {
    Lock lock(mutex_);
    closed_ = true;
    for (const auto& job : waiting_) drop(*job, "the server is shutting down");
    waiting_.clear();
    wake_worker_.notify_all();
    worker_idle_.notify_all();
    worker_idle_.wait_for(lock, grace, [this] { return running_.empty(); });
    for (const auto& job : running_) job->cancelled_ = true;
  }
  for (auto& worker : workers_) {
    if (worker.joinable()) worker.join();
  }
}

}  // namespace glm_image::server
