#pragma once

#include <memory>

#include "core/torch.h"
#include "nano/posters/poster_source.h"
#include "nano/posters/renderer.h"

namespace glm_image::nano {

/// A poster as a training example.
struct PosterExample {
  posters::Scene scene;
  std::string caption;
  Image image;
  posters::Layout layout;
};

/// The texts to spell, in the order of the scene.
std::vector<std::string> texts_of(const std::vector<posters::TextItem>& items);
inline std::vector<std::string> texts_of(const posters::Scene& scene) {
  return texts_of(scene.texts);
}

/// Number of positions of [begin, begin + length) inside a cell of `side` pixels, along one axis.
int64_t overlap_of_cell(int64_t cell, int64_t side, int64_t begin, int64_t length);

/// Loss weights of the cells that touch an item; background cells have weight 1.
struct ItemWeights {
  double text = 1;
  double pictogram = 1;
  /// Replaces `text` for letters outside ASCII; 0: off. Few pixels distinguish ɗ from d or ẽ from
  /// ê, and such letters are rare.
  double marked_letter = 0;
};

/// Weight map [1, H/cell, W/cell] float32, for cells of cell×cell pixels.
Tensor cell_weights(const PosterExample& example, const ItemWeights& weights, int64_t cell);

/// Renders posters by number at a given size. An instance serves one thread at a time.
class PosterFeed {
 public:
  PosterFeed(const std::filesystem::path& data, uint64_t seed);
  /// A feed of the same posters for another thread. It shares the data that was read from disk, so
  /// later changes of the files do not affect a run.
  PosterFeed another() const { return PosterFeed(source_, seed_); }

  /// The example `position` of a split.
  PosterExample example(int64_t position,
                        int64_t width,
                        int64_t height,
                        posters::Split split = posters::Split::kTraining);
  /// The same example without pixels: its image has only a size.
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

}  // namespace glm_image::nano
