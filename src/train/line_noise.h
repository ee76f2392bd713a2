#pragma once

#include "core/random.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// The layout as a generator draws it that miscounted the letters of a line: one of its lines ends
/// a token earlier or later, inside a picture of this width. The same layout where it has no line
/// that could.
posters::Layout with_miscounted_line(posters::Layout layout, int64_t width, at::Generator& random);

}  // namespace glm_image::train
