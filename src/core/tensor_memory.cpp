#include "core/tensor_memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/torch.h"

namespace glm_image {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kVectorBytes = 64;

/// Allocates blocks of whole huge pages and keeps freed blocks, sorted by size, for reuse.
class BlockPool {
 public:
  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    // Accept a block that is up to a quarter larger.
    const auto found = free_.lower_bound(bytes);
    if (found != free_.end() && found->first <= bytes + bytes / 4) {
      void* block = found->second;
      sizes_[block] = found->first;
      free_.erase(found);
      return block;
    }
    void* block = map(bytes);
    if (block == nullptr) {
      release_free();
      block = map(bytes);
    }
    if (block == nullptr) {
      fail(ErrorCode::kOutOfMemory, "no memory for a tensor of ", bytes >> 20, " MiB");
    }
    sizes_[block] = bytes;
    return block;
  }

  /// Returns false for a block that is not from this pool.
  bool give_back(void* block) {
    const std::lock_guard lock(mutex_);
    const auto size = sizes_.find(block);
    if (size == sizes_.end()) return false;
    free_.emplace(size->second, block);
    sizes_.erase(size);
    return true;
  }

 private:
  static void* map(size_t bytes) {
    void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return nullptr;
    madvise(block, bytes, MADV_HUGEPAGE);
    return block;
  }

  void release_free() {
    for (const auto& [bytes, block] : free_) munmap(block, bytes);
    free_.clear();
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> free_;
  std::map<void*, size_t> sizes_;
};

/// Never destroyed: tensors in static storage may outlive everything else.
BlockPool& pool() {
  static auto* instance = new BlockPool;
  return *instance;
}

void free_block(void* block) {
  if (block != nullptr && !pool().give_back(block)) std::free(block);
}

/// Small tensors use plain memory, large ones the pool. Both have the same deleter because
/// LibTorch's raw_deleter() must free every block.
class CachingAllocator final : public c10::Allocator {
 public:
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)
  c10::DataPtr allocate(size_t bytes) override {
    return make(bytes);
  }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }
#else
  c10::DataPtr allocate(size_t bytes) const override {
    return make(bytes);
  }
#endif

  c10::DeleterFnPtr raw_deleter() const override {
    return &free_block;
  }

 private:
  static c10::DataPtr make(size_t bytes) {
    void* block = nullptr;
    if (bytes >= kHugePage / 2) {
      block = pool().take((bytes + kHugePage - 1) / kHugePage * kHugePage);
    } else if (bytes > 0 && posix_memalign(&block, kVectorBytes, bytes) != 0) {
      fail(ErrorCode::kOutOfMemory, "no memory for a tensor of ", bytes, " bytes");
    }
    return {block, block, &free_block, c10::Device(c10::DeviceType::CPU)};
  }
};

}  // namespace

void keep_tensor_memory() {
  static CachingAllocator allocator;
  constexpr uint8_t kAboveDefault = 1;
  c10::SetCPUAllocator(&allocator, kAboveDefault);
}

}  // namespace glm_image
