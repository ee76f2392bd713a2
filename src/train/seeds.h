#pragma once

#include <cstdint>

#include "posters/random_stream.h"

namespace glm_image::train {

/// A seed from a run's seed, a purpose and a step: neighbouring steps get unrelated ones.
inline uint64_t mix_seed(uint64_t seed, uint64_t purpose, uint64_t step) {
  return posters::mix_bits(seed + 0x9E3779B97F4A7C15U * (purpose * 0x10001U) +
                           step * 0xD1B54A32D192ED03U);
}

}  // namespace glm_image::train
