#pragma once

namespace glm_image::kernels {

/// Whether the CPU multiplies pairs of bfloat16 (AVX512_BF16) and core/cpu_level allows it.
/// bfloat16_matmul.h and bfloat16_attention.h require this.
bool has_bfloat16_dot_product();

/// True when the CPU also multiplies tiles of bfloat16 (AMX) and the system lets this process use
/// them. They are several times faster than products by pairs; oneDNN uses them too.
bool has_bfloat16_tiles();

/// For tests: false makes has_bfloat16_tiles() return false, so that both forms run on one machine.
void allow_bfloat16_tiles(bool allowed);

}  // namespace glm_image::kernels
