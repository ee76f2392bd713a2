#include "cluster/training_worker.h"

#include <utility>

#include "cluster/draw_message.h"
#include "cluster/group_ranks.h"
#include "cluster/remote_place.h"
#include "core/error.h"

namespace glm_image::cluster {

TrainingWorker::TrainingWorker(const WorkerOptions& options)
    : coordinator_(options.address.text()) {
  auto socket = Socket::connect(options.address, kJoinLimit);
  welcome_ = join(socket, options.secret, ModelFingerprint(), Work::kTraining);
  link_ = std::make_unique<Link>(std::move(socket));
  place_ = std::make_shared<RemotePlace>(*link_);
  link_->start([this](const Message& message) { on_message(message); },
               [this](const std::string& why) { on_lost(why); });
}

TrainingWorker::~TrainingWorker() {
  // Its threads use the other members, and this one until it is taken away.
  std::unique_ptr<Link> link;
  {
    const std::lock_guard lock(mutex_);
    link = std::move(link_);
  }
  link->close();
  link.reset();
}

void TrainingWorker::run(const ModelFingerprint& files,
                         const Train& train,
                         const std::function<bool()>& goes_on) {
  link_->send(Message("ready", {{"files", to_json(files)}}));
  while (const auto seat = next_seat(goes_on)) {
    train_in(*seat, train, goes_on);
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
    left_.push_back(seat);
  }
  const std::lock_guard lock(mutex_);
  if (!reason_.empty()) fail(code_, reason_);
}

/// Null when it is over.
std::shared_ptr<GroupSeat> TrainingWorker::next_seat(const std::function<bool()>& goes_on) {
  std::unique_lock lock(mutex_);
  while (!is_over_ && goes_on()) {
    if (!waiting_) {
      change_.wait_for(lock, kIdleTick);
      continue;
    }
    running_ = std::exchange(waiting_, nullptr);
    return running_;
  }
  return nullptr;
}

void TrainingWorker::train_in(GroupSeat& seat,
                              const Train& train,
                              const std::function<bool()>& goes_on) {
  const int64_t id = seat.group().id;
  // The others report a rank that leaves as lost; a rank that was stopped reports nothing.
  const auto tell = [&](const Error& error) {
    if (goes_on() && !seat.is_stopped()) link_->send(failure_message(id, error));
  };
  try {
    GroupRanks ranks(seat.connect());
    train(ranks);
    link_->send(Message("trained", {{"part", id}}));
  } catch (const Error& error) {
    tell(error);
  } catch (const std::exception& error) {
    tell(Error(ErrorCode::kInternal, error.what()));
  }
}

void TrainingWorker::on_message(const Message& message) {
  const auto type = message.type();
  if (type == "value") {
    return place_->values().set(message.head.value("key", ""), message.body);
  }
  if (type == "goodbye") return on_goodbye(message);
  const auto id = part_of(message);
  std::shared_ptr<GroupSeat> stopped;
  std::deque<std::shared_ptr<GroupSeat>> released;  // ends after the lock
  {
    const std::lock_guard lock(mutex_);
    if (type == "train") {
      TrainingGroup group{id, message.head.value("ranks", std::vector<int>())};
      waiting_ = std::make_shared<GroupSeat>(
          std::move(group), welcome_.rank, link_->own_host(), place_, place_->values());
      change_.notify_all();
    } else if (type == "stop") {
      if (running_ && running_->group().id == id) stopped = running_;
      if (waiting_ && waiting_->group().id == id) waiting_ = nullptr;
    } else if (type == "release") {
      while (!left_.empty() && left_.front()->group().id <= id) {
        released.push_back(std::move(left_.front()));
        left_.pop_front();
      }
    }
  }
  if (stopped) stopped->stop(message.head.value("reason", "the coordinator stopped it"));
}

void TrainingWorker::on_goodbye(const Message& message) {
  const bool is_refusal = message.head.value("refusal", false);
  end(message.head.value("reason", ""),
      is_refusal ? ErrorCode::kInvalidInput : ErrorCode::kInternal);
}

void TrainingWorker::on_lost(const std::string& why) {
  end(concat("rank 0, the coordinator at ", coordinator_, ", was lost: ", why),
      ErrorCode::kInternal);
}

void TrainingWorker::end(const std::string& reason, ErrorCode code) {
  std::shared_ptr<GroupSeat> seat;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    reason_ = reason;
    code_ = code;
    seat = running_;
    // The thread of run() may end this worker as soon as it has the lock.
    if (link_) link_->close();
    change_.notify_all();
  }
  if (seat) seat->stop(reason);
}

}  // namespace glm_image::cluster
