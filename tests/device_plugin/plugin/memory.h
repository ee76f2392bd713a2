#pragma once

#include <ATen/ATen.h>

/// The memory of the test device. The host cannot use its addresses: code that accesses a device
/// tensor as if it were on the CPU crashes, as on real hardware.
namespace test_device {

c10::Allocator& allocator();

/// The calling thread's current device, on which memory is allocated.
c10::DeviceIndex current_device();
void set_current_device(c10::DeviceIndex index);

/// The host address of a device address; null for null.
void* host_address(const void* device_address);

/// A CPU tensor with the same memory, or the tensor itself if it is on the CPU. Only the device's
/// own kernels use it to access device memory.
at::Tensor host_view(const at::Tensor& tensor);

int64_t bytes_in_use();

}  // namespace test_device
