#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "glm_image/error.h"
#include "io/safetensors_header.h"

/// Any bytes either are refused with an Error, or describe tensors that lie inside the file.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace glm_image;
  try {
    const auto header =
        io::parse_safetensors_header({reinterpret_cast<const char*>(data), size}, "fuzz");
    for (const auto& [name, entry] : header.tensors) {
      if (entry.begin > entry.end || entry.end > size) std::abort();
      uint64_t bytes = io::element_size(entry.type);
      for (const int64_t dimension : entry.shape) bytes *= static_cast<uint64_t>(dimension);
      if (bytes != entry.end - entry.begin) std::abort();
    }
  } catch (const Error&) {
  }
  return 0;
}
