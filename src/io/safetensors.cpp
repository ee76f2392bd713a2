#include "io/safetensors.h"

#include <cstring>

#include "core/error.h"

namespace glm_image::io {

at::ScalarType scalar_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat64:
      return at::kDouble;
    case ElementType::kFloat32:
      return at::kFloat;
    case ElementType::kFloat16:
      return at::kHalf;
    case ElementType::kBFloat16:
      return at::kBFloat16;
    case ElementType::kInt64:
      return at::kLong;
    case ElementType::kInt32:
      return at::kInt;
    case ElementType::kInt16:
      return at::kShort;
    case ElementType::kInt8:
      return at::kChar;
    case ElementType::kUInt8:
      return at::kByte;
    case ElementType::kBool:
      return at::kBool;
    case ElementType::kFloat8E4M3:
    case ElementType::kFloat8E5M2:
    case ElementType::kUInt64:
    case ElementType::kUInt32:
    case ElementType::kUInt16:
      break;
  }
  fail(ErrorCode::kUnsupported, "LibTorch has no tensors of ", element_type_name(type));
}

SafetensorsFile::SafetensorsFile(std::shared_ptr<MappedFile> file, SafetensorsHeader header)
    : file_(std::move(file)), header_(std::move(header)) {}

std::shared_ptr<const SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  auto header = parse_safetensors_header(file->bytes(), path.string());
  return std::shared_ptr<const SafetensorsFile>(
      new SafetensorsFile(std::move(file), std::move(header)));
}

Tensor SafetensorsFile::tensor(const std::string& name) const {
  const auto found = header_.tensors.find(name);
  if (found == header_.tensors.end()) {
    fail(ErrorCode::kCorruptFile, file_->path().string(), ": has no tensor '", name, "'");
  }
  const auto& entry = found->second;
  const auto options = at::TensorOptions().dtype(scalar_type(entry.type));
  if (entry.begin == entry.end) return at::empty(entry.shape, options);
  auto* data = file_->data() + entry.begin;
  if (entry.begin % element_size(entry.type) != 0) {
    auto copy = at::empty(entry.shape, options);
    std::memcpy(copy.data_ptr(), data, entry.end - entry.begin);
    return copy;
  }
  return torch::from_blob(
      data, entry.shape, [file = file_](void*) {}, options);
}

}  // namespace glm_image::io
