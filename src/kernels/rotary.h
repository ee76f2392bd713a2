#pragma once

#include "kernels/element.h"

namespace glm_image::kernels {

/// A run of tokens with all their heads, [tokens, heads, dim], one after the other.
struct TokenHeads {
  const void* x = nullptr;
  void* out = nullptr;
  int64_t tokens = 0, heads = 0, dim = 0;
};

/// Rotary angles of the same tokens, [tokens, rotated]: pair (i, i + rotated/2) of every head is
/// turned. rotated is even, ≤ dim; values beyond it are copied.
struct RotaryAngles {
  const float* cos = nullptr;
  const float* sin = nullptr;
  int64_t rotated = 0;
};

void rotary(Element element, const TokenHeads& heads, const RotaryAngles& angles);

/// LayerNorm without affine of every head, then rotary (rotated may be 0). dim ≤ kMaxNormedHead.
void head_norm_rotary(Element element,
                      const TokenHeads& heads,
                      const RotaryAngles& angles,
                      float eps);
inline constexpr int64_t kMaxNormedHead = 1024;

}  // namespace glm_image::kernels
