#include "cluster/group_seat.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::cluster {
namespace {

/// A rank leaves the group before at the end of its part of a step, which may take long. A lost one
/// is noticed by its link.
constexpr std::chrono::hours kRegroupLimit{2};

}  // namespace

GroupSeat::GroupSeat(TrainingGroup group,
                     int rank,
                     std::string host,
                     std::shared_ptr<MeetingPlace> place,
                     KeyTable& waits)
    : group_(std::move(group)),
      rank_(rank),
      host_(std::move(host)),
      place_(std::move(place)),
      waits_(waits) {}

GroupSeat::~GroupSeat() = default;

ProcessGroup& GroupSeat::connect() {
  const auto own = std::find(group_.ranks.begin(), group_.ranks.end(), rank_);
  const GroupMember member{
      static_cast<int>(own - group_.ranks.begin()), static_cast<int>(group_.ranks.size()), host_};
  std::shared_ptr<ProcessGroup> connected;
  try {
    connected = ProcessGroup::connect(place_, group_.key(), member, kRegroupLimit);
  } catch (const std::exception&) {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) fail(ErrorCode::kCancelled, reason_);
    throw;
  }
  const std::lock_guard lock(mutex_);
  connected_ = connected;
  if (is_stopped_) fail(ErrorCode::kCancelled, reason_);
  return *connected_;
}

void GroupSeat::stop(const std::string& reason) {
  std::shared_ptr<ProcessGroup> connected;
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    is_stopped_ = true;
    reason_ = reason;
    connected = connected_;
  }
  waits_.end(group_.key() + "/", reason);
  if (connected) connected->stop(reason);
}

bool GroupSeat::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return is_stopped_;
}

}  // namespace glm_image::cluster
