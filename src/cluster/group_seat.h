#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cluster/key_table.h"

namespace glm_image::cluster {

/// The ranks of one group of a training.
struct TrainingGroup {
  int64_t id = 0;          ///< unique within the coordinator's life
  std::vector<int> ranks;  ///< numbers in the cluster; the coordinator's first

  /// Prefix of the group's keys in the meeting place.
  std::string key() const { return "training" + std::to_string(id); }
};

/// A rank's membership in a group. It can be stopped before, during and after connecting.
class GroupSeat {
 public:
  /// `rank`: this rank's number in the cluster. `host`: its address for the others. `waits`: the
  /// table in which `place` waits for keys; it must outlive this.
  GroupSeat(TrainingGroup group,
            int rank,
            const std::string& host,
            std::shared_ptr<MeetingPlace> place,
            KeyTable& waits);
  /// Closes the connections to the other ranks. Destroy it only when all ranks have finished.
  ~GroupSeat();
  GroupSeat(const GroupSeat&) = delete;
  GroupSeat& operator=(const GroupSeat&) = delete;

  const TrainingGroup& group() const { return group_; }
  /// Connects to the other ranks. The result lives as long as this. Throws as ProcessGroup::connect
  /// does, and kCancelled with the reason of stop().
  ProcessGroup& connect();
  /// Makes pending and later operations throw kCancelled with this reason. Thread-safe.
  void stop(const std::string& reason);
  bool is_stopped() const;

 private:
  const TrainingGroup group_;
  const std::shared_ptr<MeetingPlace> place_;
  KeyTable& waits_;
  mutable std::mutex mutex_;
  bool is_stopped_ = false;
  ProcessGroup ranks_;
};

}  // namespace glm_image::cluster
