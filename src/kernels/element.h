#pragma once

#include <cstdint>

namespace glm_image::kernels {

/// The types that the fused kernels read and write. They compute in float32 and round to nearest
/// even once, at the end. bfloat16 values travel as their bits, uint16_t.
enum class Element { kFloat32, kBfloat16 };

}  // namespace glm_image::kernels
