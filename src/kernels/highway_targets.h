#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace glm_image::kernels {

/// The instruction sets that the kernels are compiled for and this CPU has, best first.
std::vector<int64_t> highway_targets();
std::string highway_target_name(int64_t target);

/// Makes every kernel use this instruction set; 0 restores the best. For tests; not thread-safe.
void use_highway_target(int64_t target);

/// Keeps the kernels that are written with Highway within core/cpu_level. Not thread-safe.
void follow_cpu_level();

}  // namespace glm_image::kernels
