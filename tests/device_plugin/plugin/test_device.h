#pragma once

#include <cstdint>

/// The test device's counters: C functions of test_device_plugin.so, which tests look up by name
/// after loading it.
extern "C" {

/// Number of runs of the device's kernels whose operator starts with `prefix` ("aten::mm", or ""
/// for all). Copies and views do not count.
int64_t test_device_kernel_runs(const char* prefix);

/// Bytes of device memory in use.
int64_t test_device_bytes_in_use(void);
}

namespace test_device {
inline constexpr int kDeviceCount = 2;
}
