#pragma once

#include <filesystem>

#include "io/weight_set.h"

namespace glm_image::pipeline {

/// Throws kUnsupported, naming the method, when a component's weights are quantised: its
/// config.json or quantization_config.json says so, and a tensor is not F32, F16 or BF16. A
/// quantization_config alone means nothing where all weights are floating.
void refuse_quantised(const std::filesystem::path& component, const io::WeightSet& weights);

}  // namespace glm_image::pipeline
