#include "cluster/group_seat.h"

#include <algorithm>

namespace glm_image::cluster {
namespace {

/// A rank leaves the group before at the end of its part of a step, which may take long. A lost one
/// is noticed by its link.
constexpr std::chrono::hours kRegroupLimit{2};

GroupMember member_of(const TrainingGroup& group, int rank, const std::string& host) {
  const auto own = std::find(group.ranks.begin(), group.ranks.end(), rank);
  return {static_cast<int>(own - group.ranks.begin()), static_cast<int>(group.ranks.size()), host};
}

}  // namespace

GroupSeat::GroupSeat(TrainingGroup group,
                     int rank,
                     const std::string& host,
                     std::shared_ptr<MeetingPlace> place,
                     KeyTable& waits)
    : group_(std::move(group)),
      place_(std::move(place)),
      waits_(waits),
      ranks_(member_of(group_, rank, host)) {}

GroupSeat::~GroupSeat() = default;

ProcessGroup& GroupSeat::connect() {
  GroupLimits limits;
  limits.meeting = kRegroupLimit;
  ranks_.connect(place_, group_.key(), limits);
  return ranks_;
}

void GroupSeat::stop(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    is_stopped_ = true;
  }
  // The group first: its reason is then that of the waits which end.
  ranks_.stop(reason);
  waits_.end(group_.key() + "/", reason);
}

bool GroupSeat::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return is_stopped_;
}

}  // namespace glm_image::cluster
