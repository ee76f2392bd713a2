#include "kernels/highway_targets.h"

#include "core/cpu_level.h"
#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/highway_targets.cpp"
#include "hwy/foreach_target.h"  // so that HWY_TARGETS is what the kernels are compiled for

// clang-format off
#include "hwy/highway.h"
// clang-format on

#if HWY_ONCE
namespace glm_image::kernels {

std::vector<int64_t> highway_targets() {
  return hwy::SupportedAndGeneratedTargets();
}

std::string highway_target_name(int64_t target) {
  return hwy::TargetName(target);
}

void use_highway_target(int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  // Highway dispatches once per process; this makes it choose again.
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void follow_cpu_level() {
  const auto targets = highway_targets();
  switch (cpu_level()) {
    case CpuLevel::kPlain:
      return use_highway_target(targets.back());
    case CpuLevel::kAvx2:
    case CpuLevel::kAvxVnni:
      return use_highway_target(HWY_AVX2);
    case CpuLevel::kAvx512Vnni:
    case CpuLevel::kAvx512Bf16:
    case CpuLevel::kAmx:
    case CpuLevel::kNeon:
    case CpuLevel::kNeonDot:
      return use_highway_target(0);
  }
}

}  // namespace glm_image::kernels
#endif
