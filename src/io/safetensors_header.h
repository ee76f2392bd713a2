#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace glm_image::io {

/// Element types a safetensors file may hold.
enum class ElementType {
  kFloat64,
  kFloat32,
  kFloat16,
  kBFloat16,
  kFloat8E4M3,
  kFloat8E5M2,
  kInt64,
  kUInt64,
  kInt32,
  kUInt32,
  kInt16,
  kUInt16,
  kInt8,
  kUInt8,
  kBool
};

/// The format's own name, "BF16" for kBFloat16.
std::string_view element_type_name(ElementType type);
uint64_t element_size(ElementType type);
/// The types that a weight may be stored in: F32, F16 and BF16.
bool is_floating(ElementType type);

struct TensorEntry {
  ElementType type = ElementType::kFloat32;
  std::vector<int64_t> shape;
  uint64_t begin = 0;  ///< in bytes from the start of the file
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads and checks the header of a safetensors file: 8 bytes of little-endian length, that many
/// bytes of JSON, then the tensors' bytes without gaps.
///
/// `file` is the whole file, `name` its name in messages. Sizes are checked before anything is
/// allocated. Throws kCorruptFile for anything the format does not allow: a header longer than the
/// file, text that is not JSON, a shape whose bytes do not match its offsets, offsets outside the
/// file, overlaps, gaps, a repeated name; and for something else saved in place of the file
/// (io/stand_in.h). Throws kUnsupported for an element type that is not in ElementType.
SafetensorsHeader parse_safetensors_header(std::string_view file, const std::string& name);

}  // namespace glm_image::io
