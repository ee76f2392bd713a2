#pragma once

#include <memory>

#include "core/torch.h"
#include "posters/poster_source.h"
#include "posters/renderer.h"
#include "train/training_config.h"

namespace glm_image::train {

/// One poster as training sees it.
struct PosterExample {
  posters::Scene scene;
  std::string caption;
  Image image;
  posters::Layout layout;
};

/// The texts to spell, in their order.
std::vector<std::string> texts_of(const std::vector<posters::TextItem>& items);
inline std::vector<std::string> texts_of(const posters::Scene& scene) {
  return texts_of(scene.texts);
}

/// How many pixels of begin … begin + length − 1 lie in a cell of `side` pixels, along one axis.
int64_t overlap_of_cell(int64_t cell, int64_t side, int64_t begin, int64_t length);

/// How much a cell counts that touches an item; cells of the ground count 1.
struct ItemWeights {
  double text = 1;
  double pictogram = 1;
  /// Of letters beyond ASCII instead of `text`: what tells ɗ from d, or ẽ from ê, is a few pixels
  /// of a letter that most texts do not have. 0: as all others.
  double marked_letter = 0;
};

/// [1, H/cell, W/cell]; a cell is cell×cell pixels.
Tensor cell_weights(const PosterExample& example, const ItemWeights& weights, int64_t cell);

/// Posters by number, rendered at a wished size. For one thread at a time.
class PosterFeed {
 public:
  PosterFeed(const std::filesystem::path& data, uint64_t seed);
  /// The same posters for another thread: what was read from the data folder is shared, so that a
  /// run does not notice when somebody edits it.
  PosterFeed another() const { return PosterFeed(source_, seed_); }

  /// The example `position` of the training split (or of the evaluation split).
  PosterExample example(int64_t position,
                        int64_t width,
                        int64_t height,
                        posters::Split split = posters::Split::kTraining);
  /// The same without its picture, which has no more than its size.
  PosterExample laid_out(int64_t position,
                         int64_t width,
                         int64_t height,
                         posters::Split split = posters::Split::kTraining);
  const posters::PosterSource& source() const { return *source_; }
  posters::Renderer& renderer() { return renderer_; }

 private:
  PosterFeed(std::shared_ptr<const posters::PosterSource> source, uint64_t seed);

  std::shared_ptr<const posters::PosterSource> source_;
  posters::Renderer renderer_;
  uint64_t seed_;
};

}  // namespace glm_image::train
