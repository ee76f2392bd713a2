#include "device_plugin/test_device.h"

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

#include "core/device.h"

namespace glm_image::test {
namespace {

template <typename Function>
Function symbol(const char* name) {
  void* library = ::dlopen(test_device_library().c_str(), RTLD_NOW | RTLD_NOLOAD);
  void* found = library == nullptr ? nullptr : ::dlsym(library, name);
  if (found == nullptr) throw std::runtime_error(std::string("the test device lacks ") + name);
  return reinterpret_cast<Function>(found);
}

}  // namespace

std::string test_device_library() {
  return GLM_IMAGE_BINARY_DIR "/lib/test_device_plugin.so";
}

TestDeviceCounters test_device_counters() {
  return {symbol<int64_t (*)(const char*)>("test_device_kernel_runs"),
          symbol<int64_t (*)()>("test_device_bytes_in_use")};
}

at::Device load_test_device() {
  load_device_plugin(test_device_library());
  return parse_device(kTestDevice);
}

DeviceUnderTest device_under_test() {
  const char* name = std::getenv("GLM_IMAGE_TEST_DEVICE");
  if (name == nullptr) return {kTestDevice, test_device_library()};
  const char* plugin = std::getenv("GLM_IMAGE_TEST_DEVICE_PLUGIN");
  return {name, plugin == nullptr ? "" : plugin};
}

at::Device load_device_under_test() {
  const auto device = device_under_test();
  if (!device.plugin.empty()) load_device_plugin(device.plugin);
  return parse_device(device.name);
}

}  // namespace glm_image::test
