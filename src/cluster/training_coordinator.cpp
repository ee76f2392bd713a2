#include "cluster/training_coordinator.h"

#include <utility>

#include "cluster/draw_message.h"
#include "cluster/failure_reason.h"
#include "cluster/group_ranks.h"
#include "cluster/remote_place.h"
#include "core/error.h"

namespace glm_image::cluster {
namespace {

/// Whether the failure may be that of a connection.
bool is_internal(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.code() == ErrorCode::kInternal;
  } catch (...) {
    return false;
  }
}

}  // namespace

TrainingCoordinator::TrainingCoordinator(MemberOptions options, Notice notice)
    : notice_(std::move(notice)),
      members_(std::move(options),
               {[this](int rank, const Message& message) { on_message(rank, message); },
                [this](int rank, const std::string& sentence) { on_lost(rank, sentence); },
                notice_}) {}

TrainingCoordinator::~TrainingCoordinator() = default;

void TrainingCoordinator::run(const Train& train) {
  // Each time that it returns false, a rank was lost.
  while (!train_once(train)) {
  }
}

/// Returns false if a rank was lost.
bool TrainingCoordinator::train_once(const Train& train) {
  std::vector<int> ranks = {kCoordinatorRank};
  for (const int rank : members_.ready()) ranks.push_back(rank);
  if (ranks.size() == 1) {
    train::OneRank alone;
    train(alone);
    return true;
  }
  const auto seat = begin(std::move(ranks));
  std::exception_ptr failure;
  try {
    send_group(*seat);
    GroupRanks over_group(seat->connect());
    train(over_group);
    wait_for_workers();
  } catch (...) {
    failure = std::current_exception();
  }
  return end(*seat, failure);
}

std::shared_ptr<GroupSeat> TrainingCoordinator::begin(std::vector<int> ranks) {
  const std::lock_guard lock(mutex_);
  lost_.clear();
  worker_error_.reset();
  is_trained_ = false;
  at_work_ = {ranks.begin() + 1, ranks.end()};
  seat_ = std::make_shared<GroupSeat>(TrainingGroup{next_group_++, std::move(ranks)},
                                      kCoordinatorRank,
                                      members_.host(),
                                      places_,
                                      *places_);
  return seat_;
}

void TrainingCoordinator::send_group(const GroupSeat& seat) {
  const auto& group = seat.group();
  const Message message("train", {{"part", group.id}, {"ranks", group.ranks}});
  for (const int rank : group.ranks) {
    if (rank == kCoordinatorRank || members_.send(rank, message)) continue;
    on_lost(rank, concat("rank ", rank, " was lost before the training began"));
  }
}

/// Their connections are still in use until they have finished.
void TrainingCoordinator::wait_for_workers() {
  std::unique_lock lock(mutex_);
  is_trained_ = true;
  change_.wait(lock, [this] { return at_work_.empty(); });
}

/// Waits for the report of a lost rank that may have caused a failure.
void TrainingCoordinator::explain_failure(const std::exception_ptr& own) {
  std::unique_lock lock(mutex_);
  if (is_trained_ || !lost_.empty()) return;
  const bool may_be_a_loss =
      worker_error_ ? worker_error_->code() == ErrorCode::kInternal : is_internal(own);
  if (may_be_a_loss) {
    change_.wait_for(lock, kLossLimit, [this] { return !lost_.empty(); });
  }
}

bool TrainingCoordinator::end(const GroupSeat& seat, const std::exception_ptr& own) {
  if (own) explain_failure(own);
  std::string lost;
  std::optional<Error> worker_error;
  {
    const std::lock_guard lock(mutex_);
    lost = lost_;
    worker_error = worker_error_;
    seat_ = nullptr;
    at_work_.clear();
  }
  std::string reason;
  if (own) {
    reason = failure_reason(own, "the training has failed");
    if (worker_error) reason = worker_error->what();
    if (!lost.empty()) reason = lost;
  }
  const auto& group = seat.group();
  for (const int rank : group.ranks) {
    if (rank == kCoordinatorRank) continue;
    if (own) members_.send(rank, Message("stop", {{"part", group.id}, {"reason", reason}}));
    members_.send(rank, Message("release", {{"part", group.id}}));
  }
  places_->forget(group.key() + "/");
  if (!own) return true;
  if (!lost.empty()) {
    notice_(concat(lost,
                   "; the run continues from its last checkpoint on the ",
                   1 + members_.ready().size(),
                   " ranks left"));
    return false;
  }
  if (worker_error) throw Error(*worker_error);
  std::rethrow_exception(own);
}

void TrainingCoordinator::on_message(int rank, const Message& message) {
  const auto answer = [this, rank](const Message& value) { members_.send(rank, value); };
  if (serve_place(*places_, message, answer)) return;
  const auto type = message.type();
  std::shared_ptr<GroupSeat> failed;
  {
    const std::lock_guard lock(mutex_);
    if (!seat_ || seat_->group().id != part_of(message)) return;  // of a group that has ended
    if (type == "trained") {
      at_work_.erase(rank);
    } else if (type == "failure") {
      at_work_.erase(rank);
      const auto error = failure_from(message);
      if (!worker_error_)
        worker_error_.emplace(error.code(), concat("rank ", rank, ": ", error.what()));
      failed = seat_;
    }
    change_.notify_all();
  }
  if (failed) failed->stop("another rank has failed");
}

void TrainingCoordinator::on_lost(int rank, const std::string& sentence) {
  std::shared_ptr<GroupSeat> seat;
  {
    const std::lock_guard lock(mutex_);
    const bool is_needed = at_work_.erase(rank) > 0 && !is_trained_;
    if (is_needed && lost_.empty()) lost_ = sentence;
    if (is_needed) seat = seat_;
    change_.notify_all();
  }
  if (!seat) return notice_(sentence);
  seat->stop(sentence);
}

}  // namespace glm_image::cluster
