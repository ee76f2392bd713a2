#pragma once

#include "core/random.h"
#include "core/torch.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// A band is as wide as its picture and some rows of tokens high.
///
/// The first row of tokens of a band of `rows` of them that lies around one of the poster's items,
/// or for `texts_share` of the draws around one of its texts.
int64_t band_top(const PosterExample& example,
                 int64_t rows,
                 double texts_share,
                 at::Generator& random);

/// Of every example's [..., H, W] the rows top·scale … (top + rows)·scale − 1; tops [B].
Tensor cut_bands(const Tensor& x, const Tensor& tops, int64_t rows, int64_t scale);

}  // namespace glm_image::train
