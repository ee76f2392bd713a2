#pragma once

#include <cstdint>
#include <vector>

#include "glm_image/pipeline.h"

/// Which components keep their weights in memory from one request to the next.
namespace glm_image::pipeline {

/// Of components of these sizes, of which one is in use at a time, those that may stay: the set
/// with the most bytes whose sum, together with the largest component outside it, is within
/// `budget` bytes. Keeping the most bytes saves the most reading. At most 16 components.
std::vector<bool> components_that_fit(const std::vector<int64_t>& sizes, int64_t budget);

/// Marks the components that stay, as the options ask.
void plan_residency(std::vector<ComponentInfo>& components,
                    const PipelineOptions& options,
                    bool on_cpu);

}  // namespace glm_image::pipeline
