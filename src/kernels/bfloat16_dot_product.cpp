#include "kernels/bfloat16_dot_product.h"

#include <atomic>

#include "core/cpu_level.h"

namespace glm_image::kernels {
namespace {

std::atomic<bool> tiles_allowed{true};

}  // namespace

bool has_bfloat16_dot_product() {
  return cpu_has(CpuLevel::kAvx512Bf16);
}

bool has_bfloat16_tiles() {
  return cpu_has(CpuLevel::kAmx) && tiles_allowed;
}

void allow_bfloat16_tiles(bool allowed) {
  tiles_allowed = allowed;
}

}  // namespace glm_image::kernels
