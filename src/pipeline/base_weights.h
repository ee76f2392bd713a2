#pragma once

#include <string>

#include "pipeline/checkpoint.h"

/// The weights of a component that stay frozen in training.
namespace glm_image::pipeline {

/// Whether the files of a component hold quantised weights.
bool has_quantised_files(const Checkpoint& checkpoint, const std::string& component);

/// Bytes of the weights of kTransformer, or of kVisionLanguage without vision encoder and codebook,
/// if they are loaded with this LoadPlan::quantise_to. Reads headers alone.
ComponentBytes bytes_on_load(const Checkpoint& checkpoint,
                             const std::string& component,
                             const std::string& quantise_to);

}  // namespace glm_image::pipeline
