#pragma once

namespace glm_image::kernels {

/// True when the CPU multiplies pairs of bfloat16 (AVX512_BF16) and this build knows how to use it:
/// then bfloat16_matmul.h and bfloat16_attention.h may be called.
bool has_bfloat16_dot_product();

}  // namespace glm_image::kernels
