#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "io/safetensors.h"

namespace glm_image::io {

/// All the tensors of one component folder: a single `*.safetensors` file, or the shards that a
/// `*.safetensors.index.json` names.
class WeightSet {
 public:
  /// Reads every header and checks that the index and the shards agree. Throws kNotFound without
  /// weights in the folder or for a shard that is missing, kCorruptFile for a bad file, an index
  /// entry that its shard does not hold, or weights without a tensor.
  static WeightSet open(const std::filesystem::path& folder);

  struct Location {
    std::shared_ptr<const SafetensorsFile> file;
    const TensorEntry* entry;
  };
  /// By name, in order.
  const std::map<std::string, Location>& tensors() const { return tensors_; }
  const Location* find(const std::string& name) const;
  const std::filesystem::path& folder() const { return folder_; }
  /// What messages call the source of the tensor `name`: its file, or the folder without one.
  std::string source_of(const std::string& name) const;

  uint64_t total_bytes() const;
  int64_t total_elements() const;

 private:
  void require_tensors() const;

  std::filesystem::path folder_;
  std::map<std::string, Location> tensors_;
};

}  // namespace glm_image::io
