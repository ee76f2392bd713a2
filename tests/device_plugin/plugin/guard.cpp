// Tells LibTorch the number of devices and how to change the current one.

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "memory.h"
#include "test_device.h"
#include "versions.h"

namespace test_device {
namespace {

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::DeviceType::PrivateUse1; }
  c10::Device getDevice() const override { return {type(), current_device()}; }
  void setDevice(c10::Device device) const override {
    TORCH_CHECK(device.type() == type() && device.index() < kDeviceCount,
                "the test device has no ",
                device.str());
    uncheckedSetDevice(device);
  }
  void uncheckedSetDevice(c10::Device device) const noexcept override {
    if (device.has_index()) set_current_device(device.index());
  }
  c10::Device exchangeDevice(c10::Device device) const override {
    const auto before = getDevice();
    setDevice(device);
    return before;
  }
  c10::DeviceIndex deviceCount() const noexcept override { return kDeviceCount; }
  // All work is done when a call returns, so there is one stream and nothing to wait for.
  c10::Stream getStream(c10::Device device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, device);
  }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override {
    return getStream(stream.device());
  }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

#if TEST_DEVICE_NEEDS_HOOKS
struct Hooks final : at::PrivateUse1HooksInterface {
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
};

const bool hooked = [] {
  static Hooks hooks;
  at::RegisterPrivateUse1HooksInterface(&hooks);
  return true;
}();
#endif

#if TEST_DEVICE_HAS_NAME
const bool named = [] {
  c10::register_privateuse1_backend("testdevice");
  return true;
}();
#endif

}  // namespace
}  // namespace test_device
