#pragma once

#include <cstdint>
#include <vector>

#include "text/grid.h"

namespace glm_image::text {

/// The three rotary positions of every token of a sequence.
///
/// A text token's positions are all equal and increase by one. A token of an h×w image that begins
/// at position p has temporal p, height p + row and width p + column; the next token after the
/// image has position p + max(h, w).
struct RotaryPositions {
  std::vector<int64_t> temporal;
  std::vector<int64_t> height;
  std::vector<int64_t> width;
  int64_t next = 0;  ///< the position of the next token
};

/// Returns the positions of a prompt in which each condition image is a run of h·w tokens
/// `image_token_id`, in order.
RotaryPositions prefill_positions(const std::vector<int64_t>& ids,
                                  int64_t image_token_id,
                                  const std::vector<Grid>& condition_images);

/// Returns the positions of the generated tokens: the grids in the order of generation (preview and
/// target, or the target alone), beginning at `first`, then the end marker.
RotaryPositions decode_positions(int64_t first, const std::vector<Grid>& grids);

/// The positions of tokens `begin` to `end` − 1. `next` is unchanged: it follows all tokens.
RotaryPositions positions_between(const RotaryPositions& all, int64_t begin, int64_t end);

}  // namespace glm_image::text
