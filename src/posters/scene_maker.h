#pragma once

#include "posters/arrangement.h"
#include "posters/poster_data.h"
#include "posters/poster_source.h"

namespace glm_image::posters {

/// One scene: what it shows first, then a layout in which that fits.
Scene make_scene(const PosterData& data,
                 RandomStream& random,
                 Split split,
                 const PosterSource::Options& options);

/// See PosterSource::check.
void check_scene(const PosterData& data, const Scene& scene);

/// Where everything stands in a picture, in fractions of its shorter side; pictograms first.
struct PlacedScene {
  std::vector<Box> pictograms;
  std::vector<Box> texts;
  std::vector<TextShape> shapes;  ///< of the texts, in ems
};
PlacedScene place_scene(const PosterData& data, const Scene& scene, double width, double height);

}  // namespace glm_image::posters
