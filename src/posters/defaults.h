#pragma once

#include <set>

#include "posters/poster_data.h"
#include "posters/split.h"

namespace glm_image::posters {

/// The scene with a default for what a caption leaves open, so that who reads the caption can
/// foresee the poster but for its ground's colour:
/// - texts are bold, and black or white, whichever the ground shows better;
/// - a lone text stands in the centre; one with pictograms at the bottom; of two the first at the
///   top, the second at the bottom; a pictogram in the centre, two on the left and on the right;
///   where something else stands there, or a layout does not fit or is not of the split, at the
///   next place that is free.
/// Sizes and lines follow from it as in any scene. What the caption says stays. Returns the scene
/// as it is where no default fits.
/// `says`: as Caption::says.
Scene with_defaults(const PosterData& data,
                    const Scene& scene,
                    const std::set<std::string>& says,
                    Split split);

}  // namespace glm_image::posters
