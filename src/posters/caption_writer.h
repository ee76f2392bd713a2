#pragma once

#include "posters/poster_data.h"
#include "posters/poster_source.h"

namespace glm_image::posters {

/// See PosterSource::caption.
Caption write_caption(const PosterData& data, const Scene& scene, RandomStream& random);

}  // namespace glm_image::posters
