#pragma once

#include <cstdint>

#include "core/torch.h"

namespace glm_image {

/// Returns a new random number generator. It is on the CPU whatever the device, so that a seed
/// gives the same tokens and noise on every device, and separate, so that pipelines do not affect
/// each other. Its numbers are those of PyTorch's CPU generator after manual_seed(seed).
inline at::Generator make_random(uint64_t seed) {
  return at::detail::createCPUGenerator(seed);
}

}  // namespace glm_image
