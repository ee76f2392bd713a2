#pragma once

#include <memory>

#include "train/poster_feed.h"
#include "train/stage.h"

namespace glm_image::train {

/// A stage that learns from posters: every maker of its batches keeps a feed of the same ones.
class PosterStage : public Stage {
 public:
  BatchMaker batch_maker() final {
    const auto feed = std::make_shared<PosterFeed>(feed_.another());
    return [this, feed](int64_t step) { return make_batch(step, *feed); };
  }

 protected:
  PosterStage(const TrainingConfig& config, const at::Device& device)
      : config_(config), device_(device), feed_(config.data, config.seed) {}

  virtual Batch make_batch(int64_t step, PosterFeed& feed) const = 0;

  TrainingConfig config_;
  at::Device device_;
  PosterFeed feed_;
};

}  // namespace glm_image::train
