#include "pipeline/residency.h"

#include <algorithm>

#include "core/error.h"
#include "core/memory.h"

namespace glm_image::pipeline {
namespace {

constexpr size_t kMaxComponents = 16;

/// The rest is for activations, the key/value cache and the system.
int64_t default_budget(bool on_cpu) {
  return on_cpu ? available_memory_bytes() / 4 * 3 : 0;
}

}  // namespace

std::vector<bool> components_that_fit(const std::vector<int64_t>& sizes, int64_t budget) {
  GLM_IMAGE_CHECK(sizes.size() <= kMaxComponents, sizes.size(), " components");
  uint32_t best = 0;
  int64_t best_kept = 0;
  for (uint32_t set = 1; set < (uint32_t{1} << sizes.size()); ++set) {
    int64_t kept = 0, passing = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if ((set >> i & 1U) != 0) {
        kept += sizes[i];
      } else {
        passing = std::max(passing, sizes[i]);
      }
    }
    if (kept + passing > budget || kept <= best_kept) continue;
    best = set;
    best_kept = kept;
  }
  std::vector<bool> stays;
  for (size_t i = 0; i < sizes.size(); ++i) stays.push_back((best >> i & 1U) != 0);
  return stays;
}

void plan_residency(std::vector<ComponentInfo>& components,
                    const PipelineOptions& options,
                    bool on_cpu) {
  if (options.max_memory_bytes < 0) {
    fail(ErrorCode::kInvalidInput, "the memory for weights must not be negative");
  }
  std::vector<int64_t> sizes;
  sizes.reserve(components.size());
  for (const auto& component : components) sizes.push_back(component.memory_bytes);
  const int64_t budget =
      options.max_memory_bytes > 0 ? options.max_memory_bytes : default_budget(on_cpu);
  std::vector<bool> stays(components.size(), options.residency == Residency::kAll);
  if (options.residency == Residency::kAuto) stays = components_that_fit(sizes, budget);
  for (size_t i = 0; i < components.size(); ++i) components[i].resident = stays[i];
}

}  // namespace glm_image::pipeline
