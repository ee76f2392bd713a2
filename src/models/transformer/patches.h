#pragma once

#include "core/torch.h"

namespace glm_image::models {

/// [B, C, H, W] → [B, (H/p)·(W/p), C·p·p]: patches row by row, each flattened channel-first.
inline Tensor patchify(const Tensor& x, int64_t p) {
  const int64_t batch = x.size(0), channels = x.size(1), rows = x.size(2) / p,
                columns = x.size(3) / p;
  return x.reshape({batch, channels, rows, p, columns, p})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({batch, rows * columns, channels * p * p});
}

/// The inverse: [B, rows·columns, C·p·p] → [B, C, rows·p, columns·p].
inline Tensor unpatchify(const Tensor& x, int64_t rows, int64_t columns, int64_t p) {
  const int64_t batch = x.size(0), channels = x.size(2) / (p * p);
  return x.reshape({batch, rows, columns, channels, p, p})
      .permute({0, 3, 1, 4, 2, 5})
      .reshape({batch, channels, rows * p, columns * p});
}

/// Visual tokens [B, h, w] → one id per latent patch, [B, (h·n)·(w·n)]: a token covers n×n patches.
inline Tensor repeat_over_patches(const Tensor& ids, int64_t n) {
  return ids.repeat_interleave(n, /*dim=*/1).repeat_interleave(n, /*dim=*/2).flatten(1);
}

}  // namespace glm_image::models
