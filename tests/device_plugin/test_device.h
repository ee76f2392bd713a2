#pragma once

#include <cstdint>
#include <string>

#include "core/torch.h"

namespace glm_image::test {

/// The library of the test device (plugin/).
std::string test_device_library();

/// What the plugin counts, once it is loaded (plugin/test_device.h).
struct TestDeviceCounters {
  int64_t (*kernel_runs)(const char* prefix);
  int64_t (*bytes_in_use)();
};
TestDeviceCounters test_device_counters();

/// Loads the plugin; its last device, so that whoever takes "the device" for number 0 is found out.
at::Device load_test_device();
inline constexpr const char* kTestDevice = "privateuseone:1";

/// What the tests of whole runs run on: the test device, or what a machine has, where
/// GLM_IMAGE_TEST_DEVICE names it ("cuda:0") and GLM_IMAGE_TEST_DEVICE_PLUGIN, where it needs one,
/// its plugin.
struct DeviceUnderTest {
  std::string name;
  std::string plugin;  ///< may be empty
};
DeviceUnderTest device_under_test();
at::Device load_device_under_test();

}  // namespace glm_image::test
