#pragma once

#include "core/torch.h"
#include "glm_image/pipeline.h"
#include "io/weight_set.h"

namespace glm_image::pipeline {

/// Where and in which type models compute.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  at::ScalarType vae_dtype = at::kFloat;
};

/// Chooses by the options, by the types that most weights are stored in, and by what the CPU is
/// fast in. Loads the device plugin. Throws as Pipeline::load does for the device.
Placement place(const PipelineOptions& options,
                const io::WeightSet& transformer,
                const io::WeightSet& vae);

}  // namespace glm_image::pipeline
