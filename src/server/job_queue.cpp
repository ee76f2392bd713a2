#include "server/job_queue.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace glm_image::server {
namespace {

using State = JobStatus::State;
using Lock = std::unique_lock<std::mutex>;

double seconds_since(Job::Clock::time_point time) {
  return std::chrono::duration<double>(Job::Clock::now() - time).count();
}

std::exception_ptr cancelled(const char* why) {
  return std::make_exception_ptr(Error(ErrorCode::kCancelled, why));
}

/// A guess where nothing is known yet.
constexpr double kUnknownSeconds = 5;
/// Unread ones of a job.
constexpr size_t kMostPreviews = 16;

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

Job::Job(Request request, std::shared_ptr<JobQueue> queue)
    : queue_(std::move(queue)), request_(std::move(request)) {}

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
  if (state_ == State::kRunning) status.seconds_left = queue_->seconds_left(*this);
  if (state_ != State::kWaiting) return status;
  std::optional<double> sum = 0.0;
  const auto add = [&](const Job& job) {
    const auto own = queue_->seconds_left(job);
    sum = sum && own ? std::optional(*sum + *own) : std::nullopt;
  };
  if (queue_->running_) {
    ++status.position;
    add(*queue_->running_);
  }
  for (const auto& job : queue_->waiting_) {
    add(*job);
    if (job.get() == this) break;
    ++status.position;
  }
  status.seconds_left = sum;
  return status;
}

std::deque<Preview> Job::take_previews() {
  const Lock lock(queue_->mutex_);
  return std::exchange(previews_, {});
}

void Job::cancel() {
  const Lock lock(queue_->mutex_);
  cancelled_ = true;
  if (state_ != State::kWaiting) return;
  queue_->waiting_.remove_if([this](const auto& job) { return job.get() == this; });
  queue_->drop(*this, "cancelled while waiting");
}

Result Job::take_result() {
  const Lock lock(queue_->mutex_);
  if (error_) std::rethrow_exception(error_);
  return std::move(result_);
}

JobQueue::JobQueue(Draw draw, size_t max_waiting, OnFinished on_finished)
    : draw_(std::move(draw)), max_waiting_(max_waiting), on_finished_(std::move(on_finished)) {}

std::shared_ptr<JobQueue> JobQueue::start(Draw draw, size_t max_waiting, OnFinished on_finished) {
  std::shared_ptr<JobQueue> queue(
      new JobQueue(std::move(draw), max_waiting, std::move(on_finished)));
  queue->worker_ = std::thread([raw = queue.get()] { raw->work(); });
  return queue;
}

JobQueue::~JobQueue() {
  close(std::chrono::seconds(0));
}

std::shared_ptr<Job> JobQueue::submit(Request request) {
  const Lock lock(mutex_);
  // The worker may not have picked up the first of the waiting yet; it will run at once.
  const size_t places = max_waiting_ + (running_ ? 0 : 1);
  if (closed_ || waiting_.size() >= places) return nullptr;
  std::shared_ptr<Job> job(new Job(std::move(request), shared_from_this()));
  waiting_.push_back(job);
  wake_worker_.notify_one();
  return job;
}

bool JobQueue::is_full() const {
  const Lock lock(mutex_);
  return waiting_.size() >= max_waiting_ + (running_ ? 0 : 1);
}

bool JobQueue::is_closed() const {
  const Lock lock(mutex_);
  return closed_;
}

JobQueue::Load JobQueue::load() const {
  const Lock lock(mutex_);
  Load load;
  load.waiting = static_cast<int64_t>(waiting_.size());
  load.running = running_ != nullptr;
  load.seconds_left = 0.0;
  const auto add = [&](const Job& job) {
    const auto own = seconds_left(job);
    load.seconds_left =
        load.seconds_left && own ? std::optional(*load.seconds_left + *own) : std::nullopt;
  };
  if (running_) {
    add(*running_);
    load.seconds_to_a_free_place = seconds_left(*running_).value_or(kUnknownSeconds);
  }
  for (const auto& job : waiting_) add(*job);
  return load;
}

std::optional<double> JobQueue::seconds_left(const Job& job) const {
  const auto all = estimate_.seconds(job.request_);
  if (!all || job.state_ != State::kRunning) return all;
  return std::max(0.0, *all - seconds_since(job.began_));
}

void JobQueue::finish(Job& job, State state, std::exception_ptr error) {
  job.state_ = state;
  job.error_ = std::move(error);
  job.changed_ = true;
  job.change_.notify_all();
}

void JobQueue::drop(Job& job, const char* why) {
  if (on_finished_) on_finished_({job.request_, State::kCancelled, {}, 0});
  finish(job, State::kCancelled, cancelled(why));
}

void JobQueue::work() {
  Lock lock(mutex_);
  while (true) {
    wake_worker_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    running_ = waiting_.front();
    waiting_.pop_front();
    running_->state_ = State::kRunning;
    running_->began_ = Job::Clock::now();
    running_->changed_ = true;
    running_->change_.notify_all();
    const auto job = running_;
    lock.unlock();
    run(job);
    lock.lock();
    running_ = nullptr;
    worker_idle_.notify_all();
  }
}

void JobQueue::run(const std::shared_ptr<Job>& job) {
  Result result;
  std::exception_ptr error;
  auto state = State::kDone;
  try {
    result = draw_(
        job->request_,
        [&](const Progress& progress) {
          const Lock lock(mutex_);
          job->progress_ = progress;
          job->changed_ = true;
          job->change_.notify_all();
          return !job->cancelled_;
        },
        [&](const Preview& preview) {
          const Lock lock(mutex_);
          // Whoever reads too slowly misses the oldest.
          if (job->previews_.size() == kMostPreviews) job->previews_.pop_front();
          job->previews_.push_back(preview);
          job->changed_ = true;
          job->change_.notify_all();
        });
  } catch (const Error& failure) {
    state = failure.code() == ErrorCode::kCancelled ? State::kCancelled : State::kFailed;
    error = std::current_exception();
  } catch (...) {
    state = State::kFailed;
    error = std::current_exception();
  }
  const Lock lock(mutex_);
  if (on_finished_) on_finished_({job->request_, state, result, seconds_since(job->began_)});
  if (state == State::kDone) estimate_.learn(job->request_, result);
  // Held while a client reads its answer, however slowly.
  job->request_.condition_images = {};
  job->result_ = std::move(result);
  finish(*job, state, error);
}

void JobQueue::close(std::chrono::duration<double> grace) {
  {
    Lock lock(mutex_);
    closed_ = true;
    for (const auto& job : waiting_) drop(*job, "the server is shutting down");
    waiting_.clear();
    wake_worker_.notify_all();
    worker_idle_.wait_for(lock, grace, [this] { return running_ == nullptr; });
    if (running_) running_->cancelled_ = true;
  }
  if (worker_.joinable()) worker_.join();
}

}  // namespace glm_image::server
