#pragma once

#include <cstdint>

#include "core/torch.h"

namespace glm_image {

/// A random number generator of its own, on the CPU whatever the device, so that a seed gives the
/// same tokens and the same noise everywhere and two pipelines do not disturb each other.
/// From the same seed it draws what PyTorch's CPU generator draws after manual_seed.
inline at::Generator make_random(uint64_t seed) {
  return at::detail::createCPUGenerator(seed);
}

}  // namespace glm_image
