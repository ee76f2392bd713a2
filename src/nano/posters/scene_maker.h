#pragma once

#include "nano/posters/poster_data.h"
#include "nano/posters/poster_source.h"

namespace glm_image::posters {

/// Generates a random scene: first its contents, then a layout that fits them.
Scene make_scene(const PosterData& data,
                 RandomStream& random,
                 Split split,
                 const PosterSource::Options& options);

/// The smallest contrast ratio of a text's colour on its background.
inline constexpr double kLeastContrast = 3;
/// Whether enough of a pictogram's outline can be seen on a background.
bool is_visible_on(const Pictogram& pictogram, const Background& background);

/// See PosterSource::check.
void check_scene(const PosterData& data, const Scene& scene);

}  // namespace glm_image::posters
