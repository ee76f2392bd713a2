#pragma once

#include <functional>

#include "train/picture_codes.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// The size of the poster of each number.
using SizeOf = std::function<SizeShare(int64_t poster)>;

/// What `seen_as` makes of posters, on average where a code stands, [codes, channels·cells·cells]
/// for the cells×cells under a token, channels first; zeros for codes that none of these posters
/// has. `seen_as`: a poster → [1, channels, rows, rows], float32.
Tensor mean_under_codes(PosterFeed& feed,
                        const PictureCodes& codes,
                        const std::function<Tensor(const PosterExample&)>& seen_as,
                        int64_t posters,
                        const SizeOf& size_of);

/// How likely a token with a code shows each kind (token_kinds.h) and each part of it
/// (token_parts.h, one question's answers after the other's), the logarithms, [codes, kinds and
/// answers]: added up over an item's codes they tell which it is. Zeros for codes that none of
/// these posters has.
Tensor log_contents_under_codes(PosterFeed& feed,
                                const PictureCodes& codes,
                                int64_t posters,
                                const SizeOf& size_of);

/// Rows of `width` numbers for codes, of root mean square 1. Each of `told` [codes, any] gets the
/// same part of them, in which codes are as far apart as it says (as far as so many directions
/// tell). A DiT whose embedding of codes begins so reads from all codes in the same way what stands
/// there. Begun at random it learns each code by itself, and a pictogram's come by too rarely for
/// that.
Tensor embedding_of_codes(const std::vector<Tensor>& told, int64_t width);

}  // namespace glm_image::train
