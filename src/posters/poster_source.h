#pragma once

#include <filesystem>
#include <memory>
#include <set>

#include "posters/scene.h"
#include "posters/split.h"

namespace glm_image::posters {

struct PosterData;

/// A caption and what it says: "poster.background" (and "poster.second" of a gradient),
/// "texts[0].quoted", "texts[0].colour", "texts[1].place", "texts[0].style", "pictograms[0].name",
/// "pictograms[0].place". The rest only the picture shows. Texts and names are always said.
struct Caption {
  std::string text;
  std::set<std::string> says;
};

struct Poster {
  Scene scene;
  Caption caption;
};

/// Posters without end, each by its number: the data that nano learns from and is tested on.
/// Immutable: one source may serve several threads.
class PosterSource {
 public:
  /// Reads the folder data/posters (its README.md says what is in it) and draws the pictograms.
  /// Throws kNotFound for a missing file or font and kCorruptFile for bad data, naming file, entry
  /// and what it must be.
  static PosterSource load(const std::filesystem::path& data_folder);

  struct Options {
    uint64_t seed = 0;  ///< of the whole series
    int min_texts = 1, max_texts = 2;
    int min_pictograms = 0, max_pictograms = 2;
    double gradient_share = 0.3;
  };

  /// Depends on the split, the seed and the index alone. Throws kInvalidInput unless
  /// 1 ≤ min_texts ≤ max_texts ≤ 2, 0 ≤ min_pictograms ≤ max_pictograms ≤ 2 and the share is one.
  Scene scene(uint64_t index, Split split, const Options& options) const;
  Scene scene(uint64_t index, Split split) const { return scene(index, split, Options()); }

  /// A French or an English sentence; which and how it is worded depends on the index. It may leave
  /// colours, places and styles out. All texts of the scene stand in it in quotation marks, in
  /// their order: the smart rules of text/glyph_texts.h find exactly these.
  std::string caption(const Scene& scene, uint64_t index) const {
    return worded(scene, index).text;
  }
  Caption worded(const Scene& scene, uint64_t index) const;

  /// A scene and a caption for it; what the caption leaves open takes a default (with_defaults in
  /// defaults.h).
  Poster poster(uint64_t index, Split split, const Options& options) const;
  Poster poster(uint64_t index, Split split) const { return poster(index, split, Options()); }

  /// Throws kInvalidInput for a scene that names what the data does not have, or that does not fit.
  void check(const Scene& scene) const;

  const PosterData& data() const { return *data_; }

 private:
  explicit PosterSource(std::shared_ptr<const PosterData> data) : data_(std::move(data)) {}
  std::shared_ptr<const PosterData> data_;
};

}  // namespace glm_image::posters
