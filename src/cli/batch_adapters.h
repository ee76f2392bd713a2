#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/batch_file.h"
#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// The adapters that the lines of a batch may name.
class BatchAdapters {
 public:
  explicit BatchAdapters(std::vector<AdapterInfo> adapters) : adapters_(std::move(adapters)) {}

  /// Throws kNotFound naming the first adapter of the line that was not loaded.
  void require(const BatchLine& line) const;

  /// Returns the line's fingerprint. If the line applies adapters, it also depends on their names,
  /// scales and files. `uses` are those of the checked request. Throws kNotFound for a file that
  /// was removed.
  std::string fingerprint(const BatchLine& line, const std::vector<AdapterUse>& uses);

 private:
  const AdapterInfo* find(const std::string& name) const;
  /// Hash of the adapter's file, which is read once.
  const std::string& hash_of(const std::string& name);

  std::vector<AdapterInfo> adapters_;
  std::map<std::string, std::string> hashes_;
};

}  // namespace glm_image::cli
