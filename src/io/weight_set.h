#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "io/safetensors.h"

namespace glm_image::io {

/// All tensors of one component folder: those that a `*.safetensors.index.json` lists or, without
/// an index, those of a single `*.safetensors` file.
///
/// Hidden files are ignored. Of several candidates, the one with the default name of diffusers or
/// transformers ("diffusion_pytorch_model", "model") is used, not variants or copies beside it.
class WeightSet {
 public:
  /// Reads every header. Tensors of a shard that the index does not list are ignored. Throws
  /// kNotFound for a folder without weights, a missing shard, or shards without an index;
  /// kCorruptFile for a bad file, several candidates, an index entry that its shard does not have,
  /// or weight files without tensors.
  static WeightSet open(const std::filesystem::path& folder);

  struct Location {
    std::shared_ptr<const SafetensorsFile> file;
    const TensorEntry* entry;
  };
  /// Sorted by name.
  const std::map<std::string, Location>& tensors() const { return tensors_; }
  const Location* find(const std::string& name) const;
  const std::filesystem::path& folder() const { return folder_; }
  /// The file of the tensor `name`, or the folder if there is no such tensor; for messages.
  std::string source_of(const std::string& name) const;

  uint64_t total_bytes() const;
  int64_t total_elements() const;

 private:
  static WeightSet open_sharded(const std::filesystem::path& folder,
                                const std::filesystem::path& index_file);
  void require_tensors() const;

  std::filesystem::path folder_;
  std::map<std::string, Location> tensors_;
};

}  // namespace glm_image::io
