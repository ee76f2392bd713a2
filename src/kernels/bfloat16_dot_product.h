#pragma once

namespace glm_image::kernels {

/// True when the CPU multiplies pairs of bfloat16 (AVX512_BF16) and may use that (core/cpu_level):
/// then bfloat16_matmul.h and bfloat16_attention.h may be called.
bool has_bfloat16_dot_product();

/// True when the CPU also multiplies tiles of bfloat16 (AMX) and the system lets this process use
/// them. They are several times faster than products by pairs; oneDNN uses them too.
bool has_bfloat16_tiles();

/// For tests: false makes has_bfloat16_tiles() say no, so that both forms run on one machine.
void allow_bfloat16_tiles(bool allowed);

}  // namespace glm_image::kernels
