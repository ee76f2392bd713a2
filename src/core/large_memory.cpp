#include "core/large_memory.h"

#include <sys/mman.h>

#include "core/error.h"

namespace glm_image {

LargeMemory::LargeMemory(std::size_t bytes) : data_(nullptr), bytes_(bytes) {
  if (bytes == 0) return;
  void* block =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, /*offset=*/0);
  if (block == MAP_FAILED) {
    fail(ErrorCode::kOutOfMemory, "no memory for weights of ", bytes >> 20, " MiB");
  }
#ifdef MADV_HUGEPAGE
  ::madvise(block, bytes, MADV_HUGEPAGE);
#endif
  data_ = static_cast<uint8_t*>(block);
}

LargeMemory::~LargeMemory() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

}  // namespace glm_image
