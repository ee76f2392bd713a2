#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/torch.h"

namespace glm_image::train {

/// Tensors that are computed once and kept in a folder, each set in a safetensors file named after
/// its key. A key is made from everything that the tensors depend on (core/content_hash.h). Files
/// are written atomically, so a killed process loses only the set that it was computing.
class FeatureCache {
 public:
  /// The folder is created by require_writable().
  explicit FeatureCache(std::filesystem::path folder);

  /// Creates the folder if it is missing. Throws kOutput if no file can be written into it.
  void require_writable() const;

  /// Whether there is a complete file of this key with these tensors. A truncated or replaced file
  /// does not count and is recomputed.
  bool has(const std::string& key, const std::vector<std::string>& names) const;
  /// Throws kCorruptFile for a file that was removed or damaged since has().
  std::map<std::string, Tensor> read(const std::string& key,
                                     const std::vector<std::string>& names) const;
  /// Requires require_writable(). Throws kOutput.
  void write(const std::string& key, const std::map<std::string, Tensor>& tensors) const;

 private:
  std::filesystem::path file_of(const std::string& key) const;
  std::filesystem::path folder_;
};

}  // namespace glm_image::train
