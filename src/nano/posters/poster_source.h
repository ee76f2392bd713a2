#pragma once

#include <filesystem>
#include <memory>
#include <set>

#include "nano/posters/scene.h"
#include "nano/posters/split.h"

namespace glm_image::posters {

struct PosterData;

/// A caption and the facts that it mentions: "poster.background" (and "poster.second" of a
/// gradient), "texts[0].quoted", "texts[0].colour", "texts[1].place", "texts[0].style",
/// "pictograms[0].name", "pictograms[0].place". Texts and the names of pictograms are always
/// mentioned.
struct Caption {
  std::string text;
  std::set<std::string> says;
};

struct Poster {
  Scene scene;
  Caption caption;
};

/// An unlimited, numbered series of posters, for training and testing nano. Immutable: several
/// threads may share one source.
class PosterSource {
 public:
  /// Reads the folder data/posters (described in its README.md) and renders the pictograms. Throws
  /// kNotFound for a missing file or font and kCorruptFile for bad data, naming the file, the entry
  /// and what it must be.
  static PosterSource load(const std::filesystem::path& data_folder);

  struct Options {
    uint64_t seed = 0;  ///< of the series
    int min_texts = 1, max_texts = 2;
    int min_pictograms = 0, max_pictograms = 2;
    double gradient_share = 0.3;
  };

  /// The scene depends only on the split, the seed and the index. Throws kInvalidInput unless 1 ≤
  /// min_texts ≤ max_texts ≤ 2, 0 ≤ min_pictograms ≤ max_pictograms ≤ 2 and gradient_share is in
  /// [0, 1].
  Scene scene(uint64_t index, Split split, const Options& options) const;
  Scene scene(uint64_t index, Split split) const { return scene(index, split, Options()); }

  /// A caption in French or English; the index determines the language and the wording. It may omit
  /// colours, places and styles. It quotes all texts of the scene in their order, so that the smart
  /// rules of text/glyph_texts.h find exactly these.
  std::string caption(const Scene& scene, uint64_t index) const {
    return worded(scene, index).text;
  }
  Caption worded(const Scene& scene, uint64_t index) const;

  /// A scene and its caption. What the caption omits has a default (see with_defaults).
  Poster poster(uint64_t index, Split split, const Options& options) const;
  Poster poster(uint64_t index, Split split) const { return poster(index, split, Options()); }

  /// Throws kInvalidInput if a scene has names that the data does not define, or does not fit.
  void check(const Scene& scene) const;

  const PosterData& data() const { return *data_; }

 private:
  explicit PosterSource(std::shared_ptr<const PosterData> data) : data_(std::move(data)) {}
  std::shared_ptr<const PosterData> data_;
};

}  // namespace glm_image::posters
