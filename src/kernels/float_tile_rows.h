#pragma once

#include <cstdint>

namespace glm_image::kernels {

/// Rows of a tile of the float32 products, the same for every instruction set.
inline constexpr int64_t kFloatTileRows = 6;
/// Columns that a multiple of any instruction set's panel makes up.
inline constexpr int64_t kFloatPanelMultiple = 64;

}  // namespace glm_image::kernels
