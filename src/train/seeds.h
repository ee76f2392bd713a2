#pragma once

#include <cstdint>

#include "core/random_stream.h"

namespace glm_image::train {

/// Derives a seed from a run's seed, a purpose and a step. Seeds of adjacent steps are unrelated.
inline uint64_t mix_seed(uint64_t seed, uint64_t purpose, uint64_t step) {
  return mix_bits(seed + 0x9E3779B97F4A7C15U * (purpose * 0x10001U) + step * 0xD1B54A32D192ED03U);
}

}  // namespace glm_image::train
