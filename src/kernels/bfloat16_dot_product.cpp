#include "kernels/bfloat16_dot_product.h"

#include <atomic>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace glm_image::kernels {
namespace {

std::atomic<bool> tiles_allowed{true};

#if defined(__x86_64__) && defined(__linux__)
bool find_bfloat16_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAmxBfloat16 = 1U << 22, kAmxTile = 1U << 24;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  if ((d & kAmxBfloat16) == 0 || (d & kAmxTile) == 0) return false;
  // Linux gives a process the registers of tiles only when asked
  // (kernel documentation, "Using XSTATE features in user space applications").
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#else
bool find_bfloat16_tiles() {
  return false;
}
#endif

}  // namespace

bool has_bfloat16_dot_product() {
#if defined(__x86_64__)
  static const bool supported =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bf16");
  return supported;
#else
  return false;
#endif
}

bool has_bfloat16_tiles() {
  static const bool supported = has_bfloat16_dot_product() && find_bfloat16_tiles();
  return supported && tiles_allowed;
}

void allow_bfloat16_tiles(bool allowed) {
  tiles_allowed = allowed;
}

}  // namespace glm_image::kernels
