#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/safetensors_writer.h"

/// How the weights of a component are laid out in files: one, or several with an index.
namespace glm_image::io {

struct WeightFile {
  std::string name;
  std::vector<TensorDescription> tensors;
  uint64_t bytes() const;  ///< of its tensors
};

/// Groups of tensors in order, in files of at most `shard_bytes` of tensors (of one, if it is
/// larger):
/// "<stem>.safetensors", or "<stem>-00001-of-00003.safetensors" and so on.
/// The tensors of one group stay together.
std::vector<WeightFile> plan_files(const std::string& stem,
                                   const std::vector<std::vector<TensorDescription>>& groups,
                                   uint64_t shard_bytes);

/// Writes "<stem>.safetensors.index.json" where there is more than one file. Throws kOutput.
void write_index(const std::filesystem::path& folder,
                 const std::string& stem,
                 const std::vector<WeightFile>& files);

/// Throws kOutput if the disk of `output` has no room for `bytes` bytes.
void check_room(const std::filesystem::path& output, uint64_t bytes);

}  // namespace glm_image::io
