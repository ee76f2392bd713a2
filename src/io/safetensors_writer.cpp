#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "io/safetensors.h"

namespace glm_image::io {
namespace {

ElementType element_type(at::ScalarType type, const std::string& name) {
  for (const auto candidate : {ElementType::kFloat64,
                               ElementType::kFloat32,
                               ElementType::kFloat16,
                               ElementType::kBFloat16,
                               ElementType::kInt64,
                               ElementType::kInt32,
                               ElementType::kUInt8,
                               ElementType::kBool}) {
    if (scalar_type(candidate) == type) return candidate;
  }
  fail(
      ErrorCode::kUnsupported, "tensor '", name, "' has a type that safetensors files cannot hold");
}

}  // namespace

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t position = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto type = element_type(tensor.scalar_type(), name);
    const uint64_t end = position + static_cast<uint64_t>(tensor.numel()) * element_size(type);
    header[name] = {{"dtype", element_type_name(type)},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {position, end}}};
    position = end;
  }
  auto text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // keeps the tensors aligned

  AtomicFile file(path);
  char length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i));
  file.write({length, sizeof length});
  file.write(text);
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = tensor.detach().to(at::kCPU).contiguous();
    file.write({static_cast<const char*>(bytes.data_ptr()), bytes.nbytes()});
  }
  file.commit();
}

}  // namespace glm_image::io
