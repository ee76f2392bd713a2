#pragma once

#include "core/random.h"
#include "nano/training/poster_feed.h"

namespace glm_image::nano {

/// Simulates a generator that miscounts the letters of a line: a random line becomes one token
/// longer or shorter. It stays inside a picture of `width` pixels and keeps at least one token. If
/// the chosen line allows neither change, the layout is returned unchanged.
posters::Layout with_miscounted_line(posters::Layout layout, int64_t width, at::Generator& random);

}  // namespace glm_image::nano
