#pragma once

#include <cstdint>

namespace glm_image {

/// Largest resident size of this process so far, in bytes, since the last reset (Linux; 0 where it
/// cannot be read). Pages of mapped files count as long as they are in memory.
int64_t peak_resident_bytes();

/// Lets peak_resident_bytes start again from what is resident now. A no-op where the kernel does
/// not offer it.
void reset_peak_resident_bytes();

/// Memory that could be used without swapping, in bytes; 0 where it cannot be read.
int64_t available_memory_bytes();

}  // namespace glm_image
