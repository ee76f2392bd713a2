#pragma once

#include <cstdint>
#include <vector>

#include "text/grid.h"

namespace glm_image::text {

/// The three rotary positions of every token of a sequence.
///
/// Text counts up by one, the same in all three. An image of h×w tokens whose first token comes at
/// position p gets temporal p, height p + row and width p + column; what follows goes on at
/// p + max(h, w).
struct RotaryPositions {
  std::vector<int64_t> temporal;
  std::vector<int64_t> height;
  std::vector<int64_t> width;
  int64_t next = 0;  ///< the position of the token that would follow
};

/// The positions of a prompt whose condition images are runs of `image_token_id`, one run of
/// h·w tokens for each grid, in order.
RotaryPositions prefill_positions(const std::vector<int64_t>& ids,
                                  int64_t image_token_id,
                                  const std::vector<Grid>& condition_images);

/// The positions of the generated tokens: the grids in the order they are drawn (preview, target;
/// or the target alone), the first beginning at `first`, then the end marker.
RotaryPositions decode_positions(int64_t first, const std::vector<Grid>& grids);

}  // namespace glm_image::text
