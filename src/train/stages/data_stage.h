#pragma once

#include <memory>
#include <vector>

#include "train/config/training_config.h"
#include "train/data/training_data.h"
#include "train/stage.h"

namespace glm_image::train {

/// Base of the stages that train on TrainingData. Each batch maker has its own reader.
class DataStage : public Stage {
 public:
  BatchMaker batch_maker() final {
    const std::shared_ptr<ExampleReader> reader = data_->reader();
    return [this, reader](int64_t batch_index) { return make_batch(batch_index, *reader); };
  }
  std::string identity() const override { return data_->identity(); }

 protected:
  DataStage(const TrainingConfig& config,
            const at::Device& device,
            std::shared_ptr<const TrainingData> data)
      : config_(config), device_(device), data_(std::move(data)) {}

  /// Leaves this rank's examples of a batch.
  BatchShare keep_own(std::vector<TrainingExamplePtr>& examples) const {
    const auto share = own_share(static_cast<int64_t>(examples.size()));
    examples.erase(examples.begin() + share.begin() + share.count(), examples.end());
    examples.erase(examples.begin(), examples.begin() + share.begin());
    return share;
  }

  /// Called concurrently with other readers.
  virtual Batch make_batch(int64_t batch_index, ExampleReader& reader) const = 0;

  TrainingConfig config_;
  at::Device device_;
  std::shared_ptr<const TrainingData> data_;
};

}  // namespace glm_image::train
