#pragma once

#include <optional>

#include "train/config/training_config.h"
#include "train/data/bucket_sampler.h"
#include "train/data/folder_dataset.h"
#include "train/data/training_data.h"

namespace glm_image::train {

/// A folder of pictures with captions (FolderDataset) as the data of a stage. Pictures are trained
/// at sizes of their own shape (AspectBuckets); a batch holds pictures of one size, and every epoch
/// shows each picture once in another order (BucketSampler).
class FolderTrainingData : public TrainingData {
 public:
  /// Reads and checks all pictures of `config.data`, and the keys of FolderKeys. Pictures that
  /// cannot be used become warnings of the config. Throws as FolderDataset does, and kInvalidInput
  /// if no picture can be used.
  explicit FolderTrainingData(const TrainingConfig& config);

  std::unique_ptr<ExampleReader> reader() const override;
  std::vector<SizeShare> sizes() const override;
  std::string identity() const override;

 private:
  class Reader;
  PictureSize size_of(int64_t index) const { return sizes_.at(buckets_.at(index)); }

  std::optional<FolderDataset> data_;
  std::vector<PictureSize> sizes_;  ///< of the buckets
  std::vector<int64_t> buckets_;    ///< of each example
  std::optional<BucketSampler> sampler_;
};

}  // namespace glm_image::train
