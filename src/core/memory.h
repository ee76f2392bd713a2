#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace glm_image {

/// Largest resident size of this process so far, in bytes, since the last reset (Linux; 0 where it
/// cannot be read). Pages of mapped files count as long as they are in memory.
int64_t peak_resident_bytes();

/// Resets peak_resident_bytes to the current resident size. A no-op where the kernel does not
/// support it.
void reset_peak_resident_bytes();

/// Memory that could be used without swapping, in bytes, and within the limits of this process's
/// control groups; 0 where it cannot be read. Pages of files that could be dropped count.
int64_t available_memory_bytes();

/// The most bytes that this process could have without swapping: what is available and what it has,
/// except pages of files, which are available anyway. 0 where it cannot be read.
int64_t usable_memory_bytes();

/// Bytes that the control groups (versions 1 and 2) of this process still allow; nothing without a
/// limit. `root` stands before the paths of /proc and /sys.
std::optional<int64_t> control_group_available_bytes(const std::string& root = "");

}  // namespace glm_image
