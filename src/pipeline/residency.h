#pragma once

#include <cstdint>
#include <vector>

#include "glm_image/pipeline.h"

/// Which components keep their weights in memory from one request to the next.
namespace glm_image::pipeline {

/// Bytes of a component's weights, and of what its stage needs beside them.
struct ComponentNeed {
  int64_t weights = 0;
  int64_t working = 0;
};

/// Chooses which components stay in memory, when one component is in use at a time: the set with
/// the most bytes of weights with which every stage is within `budget` bytes. A stage needs the
/// set, its own weights and its working memory. Keeping the most bytes saves the most reading. At
/// most 16 components.
std::vector<bool> components_that_fit(const std::vector<ComponentNeed>& needs, int64_t budget);

/// Sets `resident` of the components, whose stages need `working` bytes each. `budget` bytes count
/// for Residency::kAuto.
void plan_residency(std::vector<ComponentInfo>& components,
                    const std::vector<int64_t>& working,
                    Residency residency,
                    int64_t budget);

}  // namespace glm_image::pipeline
