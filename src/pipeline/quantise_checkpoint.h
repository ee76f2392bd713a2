#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/sharded_weights.h"
#include "pipeline/checkpoint_copy.h"
#include "quant/quantise.h"

/// Writes a quantised copy of a checkpoint, in the published layout with the names and the
/// quantization_config of compressed-tensors.
namespace glm_image::pipeline {

struct QuantisedComponent {
  std::string name;
  std::string stem;  ///< of its weight files
  quant::LayerForms layers;
  std::vector<io::WeightFile> files;
  uint64_t bytes_before = 0;
  uint64_t bytes_after() const;
  /// Parameters that become integers of 8 and 4 bits, and that stay.
  int64_t parameters_8 = 0, parameters_4 = 0, parameters_kept = 0;
};

struct QuantisationPlan {
  std::filesystem::path model;
  std::vector<QuantisedComponent> components;  ///< those that change
};

/// What `rules` make of the checkpoint. Reads every header and checks them as loading does. Throws
/// kInvalidInput for a component that is quantised already, and where nothing would change.
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
