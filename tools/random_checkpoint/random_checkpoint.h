#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/safetensors_writer.h"
#include "random_checkpoint/checkpoint_files.h"

/// A checkpoint in the published layout with random weights, of any size.
namespace glm_image::random_checkpoint {

struct WeightFile {
  std::string name;
  std::vector<io::TensorDescription> tensors;
  uint64_t bytes() const;  ///< of its tensors
};

struct Component {
  std::string folder;
  io::ElementType type = io::ElementType::kBFloat16;
  std::string index_name;  ///< of the index file; needed for more than one weight file
  std::vector<WeightFile> files;
  uint64_t bytes() const;
  uint64_t tensors() const;
  uint64_t parameters() const;
};

/// The components that the configs describe: the names and shapes of the modules' own parameters,
/// in the modules' order, in files of at most `shard_bytes` of tensors (of one, if it is larger).
/// Throws as the readers of the configs do.
std::vector<Component> plan_components(const ConfigFiles& configs, uint64_t shard_bytes);

/// Called with the bytes written so far and in all; throws to stop.
using WriteProgress = std::function<void(uint64_t done, uint64_t total)>;

/// Writes the whole checkpoint, which appears whole or not at all. The memory needed does not grow
/// with the weights. The same configs and seed give the same bytes. Throws kOutput, in particular
/// when `output` is already there or the disk is too small.
void write_checkpoint(const ConfigFiles& configs,
                      const std::vector<Component>& components,
                      uint64_t seed,
                      const std::filesystem::path& output,
                      const WriteProgress& progress);

}  // namespace glm_image::random_checkpoint
