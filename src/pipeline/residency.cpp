#include "pipeline/residency.h"

#include <algorithm>

#include "core/error.h"

namespace glm_image::pipeline {
namespace {

constexpr size_t kMaxComponents = 16;

}  // namespace

std::vector<bool> components_that_fit(const std::vector<ComponentNeed>& needs, int64_t budget) {
  GLM_IMAGE_CHECK(needs.size() <= kMaxComponents, needs.size(), " components");
  uint32_t best = 0;
  int64_t best_kept = 0;
  for (uint32_t set = 1; set < (uint32_t{1} << needs.size()); ++set) {
    int64_t kept = 0, beside = 0;
    for (size_t i = 0; i < needs.size(); ++i) {
      const bool stays = (set >> i & 1U) != 0;
      if (stays) kept += needs[i].weights;
      beside = std::max(beside, needs[i].working + (stays ? 0 : needs[i].weights));
    }
    if (kept + beside > budget || kept <= best_kept) continue;
    best = set;
    best_kept = kept;
  }
  std::vector<bool> stays;
  for (size_t i = 0; i < needs.size(); ++i) stays.push_back((best >> i & 1U) != 0);
  return stays;
}

void plan_residency(std::vector<ComponentInfo>& components,
                    const std::vector<int64_t>& working,
                    Residency residency,
                    int64_t budget) {
  GLM_IMAGE_CHECK(working.size() == components.size(), working.size(), " stages");
  std::vector<ComponentNeed> needs;
  for (size_t i = 0; i < components.size(); ++i) {
    needs.push_back({components[i].memory_bytes, working[i]});
  }
  std::vector<bool> stays(components.size(), residency == Residency::kAll);
  if (residency == Residency::kAuto) stays = components_that_fit(needs, budget);
  for (size_t i = 0; i < components.size(); ++i) components[i].resident = stays[i];
}

}  // namespace glm_image::pipeline
