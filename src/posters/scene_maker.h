#pragma once

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

}  // namespace glm_image::posters
