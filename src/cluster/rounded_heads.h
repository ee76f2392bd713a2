#pragma once

#include "core/torch.h"

/// Keys and values in 8 bits, for the wire.
namespace glm_image::cluster {

/// Bytes of one head of one token: an int8 for each of `head_dim` values, and a float32 scale.
constexpr int64_t rounded_head_bytes(int64_t head_dim) {
  return head_dim + static_cast<int64_t>(sizeof(float));
}

/// Rounds heads [B, T, H, D] of a floating type to multiples of a scale for each token and head,
/// which is the largest magnitude / 127: by at most half a scale. Returns bytes on the CPU,
/// [B, T, H, rounded_head_bytes(D)].
Tensor rounded_heads(const Tensor& heads);

/// The values of such bytes: [B, T, H, D] of the type and device of `options`. Values that are not
/// finite come back as NaN, with their whole head.
Tensor heads_of_rounded(const Tensor& bytes, const at::TensorOptions& options);

}  // namespace glm_image::cluster
