#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/checkpoint_copy.h"
#include "pipeline/quantised_component.h"

/// Writes a quantised copy of a checkpoint, in the published layout with the names and the
/// quantization_config of compressed-tensors. The checkpoint may be quantised already, in any
/// format that loads.
namespace glm_image::pipeline {

struct QuantisationPlan {
  std::filesystem::path model;
  std::vector<QuantisedComponent> components;  ///< those that change
  std::vector<std::string> warnings;           ///< of weights that are rounded twice
};

/// What `rules` make of the checkpoint. Reads every header and checks them as loading does.
/// Integers that have the form that is asked for already, and those of layers that no rule names,
/// stay as they are. Throws kInvalidInput where no layer would be quantised.
QuantisationPlan plan_quantisation(const std::filesystem::path& model,
                                   const quant::FormRules& rules,
                                   uint64_t shard_bytes);

/// Writes the copy, which appears whole or not at all; what else is in the model's folder is
/// carried along. The memory needed does not grow with the model. Throws kOutput, in particular
/// when `output` is already there or the disk is too small. `threads`: as for cpu_threads.
void write_quantised(const QuantisationPlan& plan,
                     const std::filesystem::path& output,
                     int threads,
                     const WriteProgress& progress);

}  // namespace glm_image::pipeline
