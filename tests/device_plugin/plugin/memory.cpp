#include "memory.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "versions.h"

namespace test_device {
namespace {

/// Added to a host address to get the device address. No 64-bit system maps user memory there.
constexpr uintptr_t kDeviceAddressOffset = uintptr_t{1} << 55;

/// Precedes each block and keeps it aligned.
struct alignas(64) BlockHeader {
  size_t bytes;
};

std::atomic<int64_t> total_bytes{0};
thread_local c10::DeviceIndex thread_device = 0;

void* device_address(void* host) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(host) + kDeviceAddressOffset);
}

void free_block(void* device) {
  if (device == nullptr) return;
  auto* header = static_cast<BlockHeader*>(host_address(device)) - 1;
  total_bytes -= static_cast<int64_t>(header->bytes);
  std::free(header);
}

class Allocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) TEST_DEVICE_ALLOCATE_CONST override {
    const c10::Device device(c10::DeviceType::PrivateUse1, thread_device);
    if (bytes == 0) return {nullptr, nullptr, &free_block, device};
    const size_t rounded = (bytes + alignof(BlockHeader) - 1) & ~(alignof(BlockHeader) - 1);
    auto* header = static_cast<BlockHeader*>(
        std::aligned_alloc(alignof(BlockHeader), sizeof(BlockHeader) + rounded));
    if (header == nullptr) throw std::bad_alloc();
    header->bytes = bytes;
    total_bytes += static_cast<int64_t>(bytes);
    void* address = device_address(header + 1);
    return {address, address, &free_block, device};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &free_block; }

#if TEST_DEVICE_TORCH_AT_LEAST(2, 3)
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(host_address(to), host_address(from), bytes);
  }
#endif
};

Allocator the_allocator;
REGISTER_ALLOCATOR(c10::DeviceType::PrivateUse1, &the_allocator)

}  // namespace

c10::Allocator& allocator() {
  return the_allocator;
}

c10::DeviceIndex current_device() {
  return thread_device;
}

void set_current_device(c10::DeviceIndex index) {
  thread_device = index;
}

void* host_address(const void* device_address) {
  if (device_address == nullptr) return nullptr;
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(device_address) -
                                 kDeviceAddressOffset);
}

at::Tensor host_view(const at::Tensor& tensor) {
  if (tensor.device().is_cpu()) return tensor;
  const auto options = at::TensorOptions(tensor.scalar_type());
  if (tensor.numel() == 0) return at::empty_strided(tensor.sizes(), tensor.strides(), options);
  return at::from_blob(host_address(tensor.data_ptr()), tensor.sizes(), tensor.strides(), options);
}

int64_t bytes_in_use() {
  return total_bytes;
}

}  // namespace test_device
