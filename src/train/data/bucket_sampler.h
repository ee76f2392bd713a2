#pragma once

#include <cstdint>
#include <vector>

namespace glm_image::train {

/// The order in which a run sees the examples of a data set. Every epoch shows each example once,
/// in batches of one bucket, in a new order. The order follows from the seed, and a batch
/// is computed without the batches before it, so that a run may resume anywhere.
class BucketSampler {
 public:
  /// `buckets`: of each example; only examples with equal numbers share a batch. The last batch of
  /// a bucket may be smaller than `batch`.
  BucketSampler(const std::vector<int64_t>& buckets, int64_t batch, uint64_t seed);

  int64_t batches_per_epoch() const { return static_cast<int64_t>(parts_.size()); }
  /// The indices of the examples of a batch.
  std::vector<int64_t> batch(int64_t batch_index) const;

 private:
  struct Part {
    int64_t bucket, begin, end;  ///< within the bucket's shuffled examples
  };
  std::vector<std::vector<int64_t>> examples_;  ///< of each bucket
  std::vector<Part> parts_;                     ///< the batches of an epoch, not shuffled
  uint64_t seed_;
};

}  // namespace glm_image::train
