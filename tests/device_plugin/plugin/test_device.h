#pragma once

#include <cstdint>

/// What the test device tells about itself: C functions of test_device_plugin.so, to be looked up
/// by name once it is loaded.
extern "C" {

/// How often kernels of the device ran, counting the operators whose name begins with `prefix`
/// ("aten::mm", or "" for all). Copies and views are not counted.
int64_t test_device_kernel_runs(const char* prefix);

/// Bytes of device memory that are in use.
int64_t test_device_bytes_in_use(void);
}

namespace test_device {
inline constexpr int kDeviceCount = 2;
}
