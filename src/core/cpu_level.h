#pragma once

#include <string>
#include <vector>

namespace glm_image {

/// A kind of CPU that kernels are written for. Each x86 level includes those before it; so does
/// each ARM level.
enum class CpuLevel {
  kPlain,       ///< C++ alone
  kAvx2,        ///< 256-bit vectors, with FMA and F16C
  kAvxVnni,     ///< and dot products of bytes
  kAvx512Vnni,  ///< 512-bit vectors with dot products of bytes
  kAvx512Bf16,  ///< and dot products of bfloat16
  kAmx,         ///< and tiles of bytes and bfloat16
  kNeon,        ///< 128-bit vectors of ARM
  kNeonDot,     ///< and dot products of bytes
};

/// "avx512vnni" for kAvx512Vnni.
std::string cpu_level_name(CpuLevel level);

/// The levels that this CPU has, the best first. kPlain is the last.
const std::vector<CpuLevel>& cpu_levels();

/// The level that kernels use: the best, or what limit_cpu asked for, or $GLM_IMAGE_CPU.
/// Throws kInvalidInput where the variable names no level of this CPU.
CpuLevel cpu_level();

/// Whether this CPU has the level and may use it.
bool cpu_has(CpuLevel level);

/// From now on kernels use no more than this level, one of cpu_levels(). Not thread-safe.
void limit_cpu(CpuLevel level);

/// The level of cpu_levels() with this name. Throws kInvalidInput for any other, listing them.
CpuLevel parse_cpu_level(const std::string& name);

}  // namespace glm_image
