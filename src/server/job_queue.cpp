#include "server/job_queue.h"

#include <algorithm>
#include <new>
#include <utility>

#include "core/error.h"
#include "core/seconds_since.h"

namespace glm_image::server {
namespace {

using State = JobStatus::State;
using Lock = std::unique_lock<std::mutex>;

/// Assumed duration while there is no measurement.
constexpr double kUnknownSeconds = 5;
/// Previews kept per job.
constexpr size_t kMostPreviews = 16;

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
  // As many jobs have no slot yet, at most. A worker has nobody to report a failed allocation to.
  running_.reserve(static_cast<size_t>(2 * slots_.count));
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
    queue->workers_.emplace_back([raw = queue.get()] { raw->wait_for_others(); });
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

/// Jobs that are prepared before they have a slot, or that wait for one since.
int64_t JobQueue::jobs_without_slot() const {
  return std::count_if(running_.begin(), running_.end(), [](const auto& job) {
    return job->state_ == State::kRunning && !job->has_slot_;
  });
}

/// Jobs that are prepared and wait for a slot, which they get before all others.
int64_t JobQueue::prepared_jobs() const {
  return std::count_if(
      running_.begin(), running_.end(), [](const auto& job) { return job->waits_for_slot(); });
}

/// Slots in which no job is drawn.
int64_t JobQueue::free_slots() const {
  return slots_.count - static_cast<int64_t>(running_.size()) + jobs_without_slot();
}

/// For jobs that have not begun. Those that are being prepared hold no room yet.
int64_t JobQueue::room() const {
  return (slots_.room ? slots_.room() : slots_.count) - jobs_without_slot();
}

/// Whether a job that comes now would begin at once, or could wait. `waits`: its preparation does.
bool JobQueue::has_place(bool waits) const {
  // Jobs that begin at once need no place. One that is being prepared has no slot yet, so it leaves
  // room to draw another, but not to prepare another.
  int64_t to_draw = 0, to_prepare = 0;
  if (!finds_none_) {
    const auto room_now = slots_.room ? slots_.room() : slots_.count;
    to_draw = std::min(room_now, free_slots()) - prepared_jobs();
    to_prepare = std::min(room_now - jobs_without_slot(), free_slots());
  }
  if (running_.empty()) {  // an idle queue begins with the first one
    to_draw = std::max<int64_t>(to_draw, 1);
    to_prepare = std::max<int64_t>(to_prepare, 1);
  }
  size_t places = 0;
  const auto add = [&](bool job_waits) {
    if ((job_waits ? to_prepare : to_draw) <= 0) ++places;
    if (!job_waits) --to_draw;
    --to_prepare;
  };
  for (const auto& job : waiting_) add(job->needs_.waits);
  add(waits);
  return places <= max_waiting_;
}

std::shared_ptr<Job> JobQueue::submit(Request request,
                                      Prepare prepare,
                                      Keep keep,
                                      const PrepareNeeds& needs) {
  const Lock lock(mutex_);
  if (closed_ || !has_place(needs.waits)) return nullptr;
  std::shared_ptr<Job> job(
      new Job(std::move(request), std::move(prepare), std::move(keep), needs, shared_from_this()));
  waiting_.push_back(job);
  wake_worker_.notify_all();
  worker_idle_.notify_all();
  return job;
}

bool JobQueue::is_full() const {
  const Lock lock(mutex_);
  return !has_place(/*waits=*/false) && !has_place(/*waits=*/true);
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

/// Until this job is done, which has no slot, or all jobs for null; if as many jobs are drawn at
/// the same time as now. A running job without a slot gets the next one, before those behind it.
std::optional<double> JobQueue::seconds_until_done(const Job* last) const {
  std::optional<double> before = 0.0;
  const auto add = [&](const Job& job) {
    const auto own = seconds_left(job);
    before = before && own ? std::optional(*before + *own) : std::nullopt;
  };
  bool is_before = true;
  for (const auto& job : running_) {
    if (job.get() == last) {
      is_before = false;
    } else if (is_before || job->has_slot_) {
      add(*job);
    }
  }
  for (const auto& job : waiting_) {
    if (!is_before || job.get() == last) break;
    add(*job);
  }
  const auto own = last == nullptr ? 0.0 : seconds_left(*last);
  if (!before || !own) return std::nullopt;
  const auto drawn = static_cast<int64_t>(running_.size()) - jobs_without_slot();
  return *before / static_cast<double>(std::max<int64_t>(drawn, 1)) + *own;
}

std::optional<double> JobQueue::seconds_left(const Job& job) const {
  if (job.state_ == State::kRunning && job.time_left_) {
    if (!job.seconds_left_) return std::nullopt;
    return std::max(0.0, *job.seconds_left_ - seconds_since(job.progressed_));
  }
  const auto all = estimate_.seconds(job.request_);
  if (!all || job.state_ != State::kRunning || !job.has_slot_) return all;
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

bool JobQueue::has_turns() const {
  const auto waits = [](const auto& job) { return job->waits_for_slot(); };
  const auto waits_for_turn = [](const auto& job) { return !job->needs_.waits; };
  return std::any_of(running_.begin(), running_.end(), waits) ||
         std::any_of(waiting_.begin(), waiting_.end(), waits_for_turn);
}

/// Whether there is nothing more to draw. After close(), jobs that are being prepared may come.
bool JobQueue::has_ended() const {
  return closed_ && waiting_.empty() && jobs_without_slot() == 0;
}

/// Returns the turn of the first job for which there is room, or a turn without a job.
JobQueue::Turn JobQueue::next_turn() const {
  try {
    // Jobs in `running_` came before those that wait, and are in the order in which they came.
    for (const auto& job : running_) {
      if (job->waits_for_slot()) return turn_with_slot(job);
    }
    for (const auto& job : waiting_) {
      if (!has_memory(*job)) break;
      // Jobs that are prepared first will take the room that is left, but not yet.
      if (!job->needs_.waits) return turn_with_slot(job);
    }
  } catch (const std::exception&) {
    // Without memory, it is tried again.
  }
  return {};
}

JobQueue::Turn JobQueue::turn_with_slot(const std::shared_ptr<Job>& job) const {
  const auto waiting = std::count_if(
      waiting_.begin(), waiting_.end(), [](const auto& other) { return !other->needs_.waits; });
  // Jobs for which there is no worker must not lessen the share of this one.
  auto draw =
      slots_.find(job->request_, prepared_jobs() + std::min<int64_t>(waiting, free_slots()));
  return draw ? Turn{job, std::move(draw)} : Turn();
}

bool JobQueue::has_memory(const Job& job) const {
  int64_t used = 0;
  for (const auto& other : running_) used += other->needs_.bytes;
  const auto needed = job.needs_.bytes;
  return needed == 0 || used == 0 || needed <= slots_.max_prepared_bytes - used;
}

JobQueue::Turn JobQueue::find_turn(Lock& lock) {
  is_seeking_ = true;
  Turn turn;
  while (has_turns()) {
    turn = next_turn();
    if (turn.job) break;
    finds_none_ = true;
    wake_worker_.wait_for(lock, kSlotTick);
  }
  is_seeking_ = finds_none_ = false;
  return turn;
}

void JobQueue::take_turn(Lock& lock, Turn turn) {
  const auto job = turn.job;
  if (job->state_ == State::kWaiting) {
    waiting_.remove(job);
    running_.push_back(job);
    job->state_ = State::kRunning;
  }
  job->has_slot_ = turn.draw != nullptr;
  job->began_ = Job::Clock::now();
  job->tell_change();
  // Another worker finds the next turn.
  wake_worker_.notify_all();
  lock.unlock();
  const bool is_over = run(job, turn.draw);
  turn.draw = nullptr;
  lock.lock();
  if (is_over) {
    running_.erase(std::find(running_.begin(), running_.end(), job));
    rested_ = false;
    idle_since_ = Job::Clock::now();
    worker_idle_.notify_all();
  }
  wake_worker_.notify_all();
}

void JobQueue::work() {
  Lock lock(mutex_);
  while (true) {
    wait_for_work(lock);
    if (has_turns() && !is_seeking_ && !is_resting_) {
      if (auto turn = find_turn(lock); turn.job) take_turn(lock, std::move(turn));
    } else if (has_ended()) {
      break;
    } else if (rest_asked_ && running_.empty() && !is_resting_) {
      rest_now(lock);
    }
  }
}

Result JobQueue::draw_prepared(Job& job, const Draw& draw) {
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

bool JobQueue::run(const std::shared_ptr<Job>& job, const Draw& draw) {
  Result result;
  std::exception_ptr error;
  auto state = State::kDone;
  try {
    prepare(*job);
    if (!draw) return false;
    result = draw_prepared(*job, draw);
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
  return true;
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
    // No worker would drop those that wait for a slot.
    const auto without = std::stable_partition(
        running_.begin(), running_.end(), [](const auto& job) { return !job->waits_for_slot(); });
    for (auto job = without; job != running_.end(); ++job)
      drop(**job, "the server is shutting down");
    running_.erase(without, running_.end());
    wake_worker_.notify_all();
  }
  for (auto& worker : workers_) {
    if (worker.joinable()) worker.join();
  }
}

}  // namespace glm_image::server
