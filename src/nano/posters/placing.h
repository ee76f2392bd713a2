#pragma once

#include "nano/posters/arrangement.h"
#include "nano/posters/poster_data.h"
#include "nano/posters/scene.h"

namespace glm_image::posters {

/// The boxes of all items in a picture, in fractions of its shorter side.
struct PlacedScene {
  std::vector<Box> pictograms;
  std::vector<Box> texts;
  std::vector<TextShape> shapes;  ///< of the texts, in ems
};
PlacedScene place_scene(const PosterData& data, const Scene& scene, double width, double height);

/// Explains why a scene does not fit a square of side 1; empty if it fits. A scene that fits the
/// square fits every picture.
std::string misfit(const PosterData& data, const Scene& scene);

/// Whether texts may be broken into two lines. Two texts with pictograms have one line each.
inline bool may_break(std::size_t texts, std::size_t pictograms) {
  return texts < 2 || pictograms == 0;
}

/// Chooses the line break that allows the largest size and the largest size that fits the width.
/// One line is preferred unless a break allows over 5% more. Returns false if not even the
/// smallest size fits.
bool fit_lines(const PosterData& data, TextItem& item, bool can_break);

/// Reduces the size of all pictograms, then of all texts, until the scene fits. Sizes thus depend
/// only on the contents and places of the items, and a caption determines them. Returns false if
/// the scene does not fit at any size.
bool shrink_to_fit(const PosterData& data, Scene& scene);

}  // namespace glm_image::posters
