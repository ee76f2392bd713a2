#include "train/poster_feed.h"

#include "train/seeds.h"

namespace glm_image::train {

PosterFeed::PosterFeed(const std::filesystem::path& data, uint64_t seed)
    : PosterFeed(std::make_shared<posters::PosterSource>(posters::PosterSource::load(data)), seed) {
}

PosterFeed::PosterFeed(std::shared_ptr<const posters::PosterSource> source, uint64_t seed)
    : source_(std::move(source)), renderer_(*source_), seed_(seed) {}

PosterExample PosterFeed::example(int64_t position,
                                  int64_t width,
                                  int64_t height,
                                  posters::Split split) {
  PosterExample example;
  example.index = mix_seed(seed_, /*purpose=*/100, static_cast<uint64_t>(position));
  example.scene = source_->scene(example.index, split, {});
  example.image = renderer_.render(example.scene, width, height);
  example.layout = renderer_.layout(example.scene, width, height);
  return example;
}

}  // namespace glm_image::train
