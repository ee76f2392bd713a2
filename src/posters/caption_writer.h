#pragma once

#include "posters/poster_data.h"

namespace glm_image::posters {

/// See PosterSource::caption.
std::string write_caption(const PosterData& data, const Scene& scene, RandomStream& random);

}  // namespace glm_image::posters
