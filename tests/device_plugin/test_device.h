#pragma once

#include <cstdint>
#include <string>

#include "core/torch.h"

namespace glm_image::test {

/// The library of the test device (plugin/).
std::string test_device_library();

/// The counters of the loaded plugin (plugin/test_device.h).
struct TestDeviceCounters {
  int64_t (*kernel_runs)(const char* prefix);
  int64_t (*bytes_in_use)();
};
TestDeviceCounters test_device_counters();

/// Loads the plugin. Returns its last device, so that code that assumes device 0 fails.
at::Device load_test_device();
inline constexpr const char* kTestDevice = "privateuseone:1";

/// The device for tests of whole runs: the test device, or the one that GLM_IMAGE_TEST_DEVICE names
/// ("cuda:0"), with the plugin of GLM_IMAGE_TEST_DEVICE_PLUGIN if it needs one.
struct DeviceUnderTest {
  std::string name;
  std::string plugin;  ///< may be empty
};
DeviceUnderTest device_under_test();
at::Device load_device_under_test();

}  // namespace glm_image::test
