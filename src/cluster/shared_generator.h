#pragma once

#include "cluster/process_group.h"
#include "models/generator/generator_share.h"

namespace glm_image::cluster {

/// The generator's weights over the ranks of a process group.
class SharedGenerator : public models::GeneratorShare {
 public:
  /// `group` must outlive this.
  explicit SharedGenerator(ProcessGroup& group) : group_(group) {}

  models::GeneratorShard shard() const override { return {group_.rank(), group_.size()}; }
  Tensor sum(const Tensor& partial) override;
  Tensor gather(const Tensor& own, int64_t total) override;
  void broadcast(Tensor& ids) override;

  /// Whether sum() gathers the partial sums of this number of values, in their own type, and adds
  /// them on each rank. The ranks then wait for one message. Of more than two ranks, many values
  /// are fewer bytes when a ring reduces them, in float32.
  static bool sums_by_gathering(int64_t values, int64_t ranks);

 private:
  ProcessGroup& group_;
};

}  // namespace glm_image::cluster
