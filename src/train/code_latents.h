#pragma once

#include <functional>

#include "train/picture_codes.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// What `seen_as` makes of pictures, on average where a code stands, [codes, channels·cells·cells]
/// for the cells×cells under a token, channels first; zeros for codes that none of these square
/// posters has. `seen_as`: pictures [1, 3, side, side] → [1, channels, rows, rows], float32.
Tensor mean_under_codes(PosterFeed& feed,
                        const PictureCodes& codes,
                        const std::function<Tensor(const Tensor&)>& seen_as,
                        int64_t posters,
                        int64_t side);

/// Rows of `width` numbers for codes, as far apart as their latents are (as far as so many
/// directions tell), of root mean square 1. A DiT whose embedding of codes begins so reads from all
/// codes in the same way what stands there. Begun at random it learns each code by itself, and a
/// pictogram's come by too rarely for that.
Tensor embedding_of_latents(const Tensor& latents, int64_t width);

}  // namespace glm_image::train
