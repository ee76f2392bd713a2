#pragma once

#include "nano/training/poster_feed.h"
#include "nano/training/poster_keys.h"
#include "train/config/training_config.h"
#include "train/data/training_data.h"

namespace glm_image::nano {

/// Posters as the data of a stage: rendered from data/posters while it trains.
class PosterTrainingData : public train::TrainingData {
 public:
  /// Reads the keys of PosterKeys. `weights`: see TrainingExample::loss_weights. Throws as
  /// PosterSource::load does.
  explicit PosterTrainingData(const train::TrainingConfig& config, const ItemWeights& weights = {});
  PosterTrainingData(const std::filesystem::path& folder,
                     uint64_t seed,
                     int64_t batch,
                     PosterKeys keys,
                     const ItemWeights& weights = {});

  std::unique_ptr<train::ExampleReader> reader() const override;
  std::vector<train::SizeShare> sizes() const override { return keys_.sizes; }
  std::string identity() const override;

  const posters::PosterSource& source() const { return feed_.source(); }
  /// The size of all pictures of a batch.
  const train::SizeShare& size_at(int64_t batch_index) const;
  /// Index of the example in slot i of a batch; see train::ExampleOrder.
  int64_t example_at(int64_t batch_index, int64_t i) const;

 private:
  class Reader;

  PosterKeys keys_;
  int64_t batch_;
  uint64_t seed_;
  ItemWeights weights_;
  PosterFeed feed_;
};

/// An example of PosterTrainingData.
class DrawnPoster : public train::TrainingExample {
 public:
  DrawnPoster(PosterFeed& feed, PosterExample example, const ItemWeights& weights);

  Image picture(const PictureSize& wanted) override {
    return feed_.renderer().render(poster_.scene, wanted.width, wanted.height);
  }
  Tensor loss_weights(int64_t cell) const override { return cell_weights(poster_, weights_, cell); }

  /// Its image has only a size.
  const PosterExample& poster() const { return poster_; }
  posters::Renderer& renderer() const { return feed_.renderer(); }

 private:
  PosterFeed& feed_;
  PosterExample poster_;
  ItemWeights weights_;
};

/// The example of a stage whose data are posters.
DrawnPoster& as_poster(train::TrainingExample& example);

}  // namespace glm_image::nano
