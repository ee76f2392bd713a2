#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "io/safetensors_header.h"

namespace glm_image::io {

/// A tensor of a file to be written.
struct TensorDescription {
  std::string name;
  ElementType type = ElementType::kFloat32;
  std::vector<int64_t> shape;

  uint64_t bytes() const;
};

/// Writes a safetensors file as a stream: first the header, then the bytes of one tensor after the
/// other. The file is written atomically (AtomicFile). All functions throw kOutput.
class SafetensorsWriter {
 public:
  /// Writes the header. The tensors follow in this order.
  SafetensorsWriter(const std::filesystem::path& path,
                    const std::vector<TensorDescription>& tensors,
                    const std::map<std::string, std::string>& metadata);

  /// Writes the next bytes, little-endian. A tensor may be split into any number of pieces.
  void write(std::string_view bytes);
  /// Call once, after writing exactly the bytes that the header declares.
  void commit();

 private:
  AtomicFile file_;
  uint64_t missing_ = 0;
};

}  // namespace glm_image::io
