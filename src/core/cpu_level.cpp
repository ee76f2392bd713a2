#include "core/cpu_level.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "core/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace glm_image {
namespace {

constexpr const char* kVariable = "GLM_IMAGE_CPU";

#if defined(__x86_64__)
/// A register of CPUID's leaf 7.
struct Leaf7 {
  unsigned b = 0, c = 0, d = 0;
  explicit Leaf7(unsigned sub_leaf) {
    unsigned a = 0;
    if (__get_cpuid_count(7, sub_leaf, &a, &b, &c, &d) == 0) b = c = d = 0;
    first = a;
  }
  unsigned first = 0;
};

bool may_use_tiles() {
#if defined(__linux__)
  // Linux gives a process the registers of tiles only when asked
  // (kernel documentation, "Using XSTATE features in user space applications").
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

std::vector<CpuLevel> find_levels() {
  std::vector<CpuLevel> levels = {CpuLevel::kPlain};
  // __builtin_cpu_supports also asks whether the system saves the registers.
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!has_avx2) return levels;
  levels.insert(levels.begin(), CpuLevel::kAvx2);
  constexpr unsigned kAvxVnniBit = 1U << 4, kAmxTileBit = 1U << 24, kAmxInt8Bit = 1U << 25,
                     kAmxBfloat16Bit = 1U << 22;
  if ((Leaf7(1).first & kAvxVnniBit) != 0) levels.insert(levels.begin(), CpuLevel::kAvxVnni);
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (!has_avx512 || !__builtin_cpu_supports("avx512vnni")) return levels;
  levels.insert(levels.begin(), CpuLevel::kAvx512Vnni);
  if (!__builtin_cpu_supports("avx512bf16")) return levels;
  levels.insert(levels.begin(), CpuLevel::kAvx512Bf16);
  const unsigned tiles = Leaf7(0).d;
  constexpr unsigned kAllTiles = kAmxTileBit | kAmxInt8Bit | kAmxBfloat16Bit;
  if ((tiles & kAllTiles) == kAllTiles && may_use_tiles()) {
    levels.insert(levels.begin(), CpuLevel::kAmx);
  }
  return levels;
}
#elif defined(__aarch64__)
std::vector<CpuLevel> find_levels() {
  std::vector<CpuLevel> levels = {CpuLevel::kNeon, CpuLevel::kPlain};
#if defined(__linux__)
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) {
    levels.insert(levels.begin(), CpuLevel::kNeonDot);
  }
#endif
  return levels;
}
#else
std::vector<CpuLevel> find_levels() {
  return {CpuLevel::kPlain};
}
#endif

CpuLevel level_at_start() {
  const char* asked = std::getenv(kVariable);
  return asked == nullptr || *asked == '\0' ? cpu_levels().front() : parse_cpu_level(asked);
}

std::atomic<CpuLevel>& current_level() {
  static std::atomic<CpuLevel> level{level_at_start()};
  return level;
}

}  // namespace

std::string cpu_level_name(CpuLevel level) {
  switch (level) {
    case CpuLevel::kPlain:
      return "plain";
    case CpuLevel::kAvx2:
      return "avx2";
    case CpuLevel::kAvxVnni:
      return "avxvnni";
    case CpuLevel::kAvx512Vnni:
      return "avx512vnni";
    case CpuLevel::kAvx512Bf16:
      return "avx512bf16";
    case CpuLevel::kAmx:
      return "amx";
    case CpuLevel::kNeon:
      return "neon";
    case CpuLevel::kNeonDot:
      return "neondot";
  }
  fail(ErrorCode::kInternal, "a CPU level without a name");
}

const std::vector<CpuLevel>& cpu_levels() {
  static const std::vector<CpuLevel> levels = find_levels();
  return levels;
}

CpuLevel cpu_level() {
  return current_level();
}

bool cpu_has(CpuLevel level) {
  const auto& levels = cpu_levels();
  const auto found = std::find(levels.begin(), levels.end(), level);
  return found != levels.end() && found >= std::find(levels.begin(), levels.end(), cpu_level());
}

void limit_cpu(CpuLevel level) {
  current_level() = level;
}

CpuLevel parse_cpu_level(const std::string& name) {
  std::string known;
  for (const auto level : cpu_levels()) {
    if (cpu_level_name(level) == name) return level;
    known += (known.empty() ? "" : ", ") + cpu_level_name(level);
  }
  fail(ErrorCode::kInvalidInput, kVariable, " is '", name, "'; this CPU can be one of ", known);
}

}  // namespace glm_image
