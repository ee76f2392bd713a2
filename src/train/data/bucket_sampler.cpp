#include "train/data/bucket_sampler.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "train/data/example_order.h"
#include "train/seeds.h"

namespace glm_image::train {
BucketSampler::BucketSampler(const std::vector<int64_t>& buckets, int64_t batch, uint64_t seed)
    : seed_(seed) {
  GLM_IMAGE_CHECK(!buckets.empty() && batch > 0, buckets.size(), " examples, batch ", batch);
  std::map<int64_t, std::vector<int64_t>> by_bucket;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    by_bucket[buckets[i]].push_back(static_cast<int64_t>(i));
  }
  for (auto& [bucket, examples] : by_bucket) {
    const auto count = static_cast<int64_t>(examples.size());
    const auto index = static_cast<int64_t>(examples_.size());
    for (int64_t begin = 0; begin < count; begin += batch) {
      parts_.push_back({index, begin, std::min(begin + batch, count)});
    }
    examples_.push_back(std::move(examples));
  }
}

std::vector<int64_t> BucketSampler::batch(int64_t batch_index) const {
  const auto epoch = static_cast<uint64_t>(batch_index / batches_per_epoch());
  const auto& part = parts_[permuted(batch_index % batches_per_epoch(),
                                     batches_per_epoch(),
                                     mix_seed(seed_, kBatchOrderPurpose, epoch))];
  const auto& examples = examples_[part.bucket];
  // Each bucket has an order of its own.
  const auto key = mix_seed(mix_seed(seed_, kBucketOrderPurpose, epoch),
                            kBucketOrderPurpose,
                            static_cast<uint64_t>(part.bucket));
  std::vector<int64_t> batch;
  for (int64_t i = part.begin; i < part.end; ++i) {
    batch.push_back(examples[permuted(i, static_cast<int64_t>(examples.size()), key)]);
  }
  return batch;
}

}  // namespace glm_image::train
