#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/torch.h"
#include "io/mapped_file.h"
#include "io/safetensors_header.h"

namespace glm_image::io {

/// Throws kUnsupported for a type that the oldest supported LibTorch (1.13) does not have.
at::ScalarType scalar_type(ElementType type);

/// A safetensors file whose tensors are views of the mapped file.
class SafetensorsFile {
 public:
  /// Maps the file and checks its whole header; see parse_safetensors_header for what it throws.
  static std::shared_ptr<const SafetensorsFile> open(const std::filesystem::path& path);

  const SafetensorsHeader& header() const { return header_; }
  const MappedFile& file() const { return *file_; }

  /// Returns a CPU tensor over the mapped bytes, which stay mapped as long as it lives. (A tensor
  /// whose bytes are not aligned to its element size is copied.) Throws kCorruptFile if no tensor
  /// has this name.
  Tensor tensor(const std::string& name) const;

 private:
  SafetensorsFile(std::shared_ptr<MappedFile> file, SafetensorsHeader header);

  std::shared_ptr<MappedFile> file_;
  SafetensorsHeader header_;
};

/// Writes tensors in the given order, atomically (AtomicFile). Throws kOutput.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace glm_image::io
