#pragma once

#include "cluster/process_group.h"
#include "train/ranks/ranks.h"

namespace glm_image::cluster {

/// The ranks of a training over a process group.
class GroupRanks : public train::Ranks {
 public:
  /// `group` must outlive this.
  explicit GroupRanks(ProcessGroup& group) : group_(group) {}

  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  Wait begin_all_reduce(Tensor tensor) override;
  void broadcast(Tensor tensor) override;

 private:
  ProcessGroup& group_;
};

}  // namespace glm_image::cluster
