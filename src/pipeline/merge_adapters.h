#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "adapters/adapter_file.h"
#include "glm_image/pipeline.h"
#include "pipeline/checkpoint_copy.h"

/// Writes a copy of a checkpoint with adapters folded into its weights, in the same files.
namespace glm_image::pipeline {

struct MergePlan {
  struct Item {
    adapters::AdapterFile file;
    double scale = 1;
  };
  std::filesystem::path model;
  std::vector<Item> items;
  std::vector<std::string> components;  ///< those that adapters name
  int64_t layers = 0;                   ///< weights that adapters name
  uint64_t bytes = 0;                   ///< of the files to write
};

/// Reads every header, and checks model and adapters as loading does. Throws kInvalidInput without
/// an adapter, and for a quantised component that an adapter changes: adding to its weights would
/// lose precision.
MergePlan plan_merge(const std::filesystem::path& model, const std::vector<Adapter>& adapters);

/// Writes the copy, which appears whole or not at all; what else is in the model's folder is
/// carried along. Each changed weight is W + Σ scale·B·A, computed in float32 and rounded once to
/// its stored type. The memory needed does not grow with the model. Throws kOutput as
/// write_quantised does; kCorruptFile, naming the layer, if a changed weight is not finite.
///
/// Returns the number of weights whose stored values changed. It is less than `plan.layers` where
/// an adapter has scale 0, or where updates cancel out or are lost in rounding.
int64_t write_merged(const MergePlan& plan,
                     const std::filesystem::path& output,
                     int threads,
                     const WriteProgress& progress);

}  // namespace glm_image::pipeline
