#pragma once

#include <cstdint>

namespace glm_image::train {

/// A seed from a run's seed, a purpose and a step: neighbouring steps get unrelated ones.
/// (The finaliser of SplitMix64.)
inline uint64_t mix_seed(uint64_t seed, uint64_t purpose, uint64_t step) {
  uint64_t z = seed + 0x9E3779B97F4A7C15U * (purpose * 0x10001U + 1) + step * 0xD1B54A32D192ED03U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace glm_image::train
