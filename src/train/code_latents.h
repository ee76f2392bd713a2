#pragma once

#include <functional>

#include "train/picture_codes.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// What the VAE's latents look like on average where a code stands, [codes, channels·cells·cells]
/// for the cells×cells latents under a token; zeros for codes that none of these posters has.
/// `latents_of`: pictures [B, 3, H, W] → normalised latents [B, channels, H/8, W/8], float32.
Tensor mean_code_latents(PosterFeed& feed,
                         const PictureCodes& codes,
                         const std::function<Tensor(const Tensor&)>& latents_of,
                         int64_t posters);

/// Rows of `width` numbers for codes, as far apart as their latents are (as far as so many
/// directions tell), of root mean square 1. A DiT whose embedding of codes begins so reads from all
/// codes in the same way what stands there. Begun at random it learns each code by itself, and a
/// pictogram's come by too rarely for that.
Tensor embedding_of_latents(const Tensor& latents, int64_t width);

}  // namespace glm_image::train
