#pragma once

#include <ATen/ATen.h>

/// The memory of the test device. Its addresses are of no use to the host: whoever reads or writes
/// a device tensor as if it lay on the CPU crashes, as with real hardware.
namespace test_device {

c10::Allocator& allocator();

/// The device of the calling thread, on which memory is allocated.
c10::DeviceIndex current_device();
void set_current_device(c10::DeviceIndex index);

/// Where the host finds what lies at a device address; null for null.
void* host_address(const void* device_address);

/// A CPU tensor over the same memory, and the tensor itself if it is on the CPU: how the device's
/// own kernels, and nobody else, come at its memory.
at::Tensor host_view(const at::Tensor& tensor);

int64_t bytes_in_use();

}  // namespace test_device
