#include "nano/training/poster_training_data.h"

#include "core/error.h"
#include "train/data/example_order.h"
#include "train/seeds.h"

namespace glm_image::nano {
DrawnPoster::DrawnPoster(PosterFeed& feed, PosterExample example, const ItemWeights& weights)
    : feed_(feed), poster_(std::move(example)), weights_(weights) {
  size = scaled = {poster_.image.width, poster_.image.height};
  caption = poster_.caption;
  texts = texts_of(poster_.scene);
}

DrawnPoster& as_poster(train::TrainingExample& example) {
  auto* poster = dynamic_cast<DrawnPoster*>(&example);
  GLM_IMAGE_CHECK(poster != nullptr, "the data are not posters");
  return *poster;
}

class PosterTrainingData::Reader : public train::ExampleReader {
 public:
  explicit Reader(const PosterTrainingData& data) : data_(data), feed_(data.feed_.another()) {}

  std::vector<train::TrainingExamplePtr> batch(int64_t batch_index) override {
    const auto& size = data_.size_at(batch_index);
    std::vector<train::TrainingExamplePtr> examples;
    for (int64_t i = 0; i < data_.batch_; ++i) {
      examples.push_back(laid_out(data_.example_at(batch_index, i), {size.width, size.height}));
    }
    return examples;
  }
  train::TrainingExamplePtr example(int64_t position) override {
    const auto& size = data_.size_at(position);
    return laid_out(position, {size.width, size.height});
  }
  train::TrainingExamplePtr sample(int64_t position, const PictureSize& size) override {
    return laid_out(position, size, posters::Split::kEvaluation);
  }

 private:
  train::TrainingExamplePtr laid_out(int64_t position,
                                     const PictureSize& size,
                                     posters::Split split = posters::Split::kTraining) {
    auto example = feed_.laid_out(position, size.width, size.height, split);
    return std::make_unique<DrawnPoster>(feed_, std::move(example), data_.weights_);
  }

  const PosterTrainingData& data_;
  PosterFeed feed_;
};

PosterTrainingData::PosterTrainingData(const train::TrainingConfig& config,
                                       const ItemWeights& weights)
    : PosterTrainingData(
          config.data, config.seed, config.batch, config.read<PosterKeys>(), weights) {}

PosterTrainingData::PosterTrainingData(const std::filesystem::path& folder,
                                       uint64_t seed,
                                       int64_t batch,
                                       PosterKeys keys,
                                       const ItemWeights& weights)
    : keys_(std::move(keys)), batch_(batch), seed_(seed), weights_(weights), feed_(folder, seed) {}

std::unique_ptr<train::ExampleReader> PosterTrainingData::reader() const {
  return std::make_unique<Reader>(*this);
}

std::string PosterTrainingData::identity() const {
  return keys_.posters > 0 ? concat(" posters ", keys_.posters) : std::string();
}

int64_t PosterTrainingData::example_at(int64_t batch_index, int64_t i) const {
  return train::ExampleOrder{keys_.posters, seed_}.at(batch_index * batch_ + i);
}

const train::SizeShare& PosterTrainingData::size_at(int64_t batch_index) const {
  std::vector<double> shares;
  for (const auto& size : keys_.sizes) shares.push_back(size.share);
  RandomStream random(
      train::mix_seed(seed_, train::kPosterSizePurpose, static_cast<uint64_t>(batch_index)));
  return keys_.sizes[random.pick_weighted(shares)];
}

}  // namespace glm_image::nano
