#pragma once

#include <vector>

#include "core/torch.h"
#include "glm_image/image.h"
#include "text/grid.h"

namespace glm_image::train {

/// Side of a token's picture after reduction, in pixels.
inline constexpr int64_t kReducedPatch = 8;
inline constexpr int64_t kReducedPixels = 3 * kReducedPatch * kReducedPatch;

/// Reduces pictures of equal size, [pictures, tokens, kReducedPixels] float32 in [−1, 1].
Tensor reduced_by_tokens(const std::vector<Image>& pictures);
/// Enlarges one picture's [tokens, kReducedPixels] to text::kTokenSide pixels per token.
Image picture_of_reduced(const Tensor& tokens, const text::Grid& grid);

}  // namespace glm_image::train
