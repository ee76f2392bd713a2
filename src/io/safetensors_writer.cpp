#include "io/safetensors_writer.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/safetensors.h"

namespace glm_image::io {
namespace {

constexpr std::size_t kAlignment = 8;

ElementType element_type(at::ScalarType type, const std::string& name) {
  for (const auto candidate : {ElementType::kFloat64,
                               ElementType::kFloat32,
                               ElementType::kFloat16,
                               ElementType::kBFloat16,
                               ElementType::kInt64,
                               ElementType::kInt32,
                               ElementType::kInt16,
                               ElementType::kInt8,
                               ElementType::kUInt8,
                               ElementType::kBool}) {
    if (scalar_type(candidate) == type) return candidate;
  }
  fail(
      ErrorCode::kUnsupported, "tensor '", name, "' has a type that safetensors files cannot hold");
}

}  // namespace

uint64_t TensorDescription::bytes() const {
  uint64_t bytes = element_size(type);
  for (const int64_t size : shape) bytes *= static_cast<uint64_t>(size);
  return bytes;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::vector<TensorDescription>& tensors,
                                     const std::map<std::string, std::string>& metadata)
    : file_(path) {
  nlohmann::ordered_json header;
  if (!metadata.empty()) header["__metadata__"] = metadata;
  for (const auto& tensor : tensors) {
    const uint64_t end = missing_ + tensor.bytes();
    header[tensor.name] = {{"dtype", element_type_name(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {missing_, end}}};
    missing_ = end;
  }
  auto text = header.dump();
  // Spaces keep the tensors aligned.
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  char length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i));
  file_.write({length, sizeof length});
  file_.write(text);
}

void SafetensorsWriter::write(std::string_view bytes) {
  GLM_IMAGE_CHECK(bytes.size() <= missing_, bytes.size() - missing_, " bytes too many");
  file_.write(bytes);
  missing_ -= bytes.size();
}

void SafetensorsWriter::commit() {
  GLM_IMAGE_CHECK(missing_ == 0, missing_, " bytes are missing");
  file_.commit();
}

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<TensorDescription> descriptions;
  descriptions.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    descriptions.push_back({name, element_type(tensor.scalar_type(), name), tensor.sizes().vec()});
  }
  SafetensorsWriter writer(path, descriptions, metadata);
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = tensor.detach().to(at::kCPU).contiguous();
    writer.write({static_cast<const char*>(bytes.data_ptr()), bytes.nbytes()});
  }
  writer.commit();
}

}  // namespace glm_image::io
