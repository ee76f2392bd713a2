#include "core/device.h"

#include <dlfcn.h>

#include "core/error.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

TEST(Device, TheCpuIsAlwaysAvailable) {
  EXPECT_EQ(available_devices().front(), "cpu");
  EXPECT_EQ(parse_device("cpu"), at::Device(at::kCPU));
  EXPECT_EQ(parse_device("cpu:0"), at::Device(at::kCPU));
}

TEST(Device, EveryListedDeviceCanBeParsed) {
  for (const auto& name : available_devices()) {
    EXPECT_EQ(parse_device(name).str(), name);
  }
}

TEST(Device, AMissingDeviceIsNotFound) {
  std::vector<std::string> names = {"cpu:1", "cuda:120", "cuda:2147483647", "privateuseone:7"};
  if (available_devices().size() == 1) names.insert(names.end(), {"cuda", "cuda:0"});
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    expect_error(ErrorCode::kNotFound,
                 {"the device " + name + " does not exist", "available devices: cpu"},
                 [&] { parse_device(name); });
  }
}

TEST(Device, UnknownNamesAreInvalid) {
  for (const std::string name : {"",
                                 ":",
                                 "cpu:",
                                 "cuda:x",
                                 "cuda:-1",
                                 "cuda:1x",
                                 "cuda:+1",
                                 "cuda: 1",
                                 "cuda:99999999999999999999",
                                 "cuda:0:0",
                                 "CPU",
                                 " cpu",
                                 "npu:0",
                                 "gpu"}) {
    SCOPED_TRACE(name);
    expect_error(ErrorCode::kInvalidInput,
                 {"'" + name + "' is not a device", "--device-plugin", "available devices: cpu"},
                 [&] { parse_device(name); });
  }
}

/// The dynamic loader's message for this library.
std::string loader_reason(const std::string& library) {
  EXPECT_EQ(::dlopen(library.c_str(), RTLD_NOW), nullptr);
  const char* reason = ::dlerror();
  return reason == nullptr ? "no reason" : reason;
}

TEST(DevicePluginLibrary, MissingOrInvalid) {
  const TemporaryDirectory directory;
  const auto missing = (directory.path() / "missing.so").string();
  const auto text = (directory.path() / "text.so").string();
  write_file(text, std::string(10000, 'x'));
  const auto empty = (directory.path() / "empty.so").string();
  write_file(empty, "");
  for (const auto& library : {missing, text, empty, directory.path().string()}) {
    SCOPED_TRACE(library);
    expect_error(ErrorCode::kNotFound,
                 {"the device plugin " + library, loader_reason(library), TORCH_VERSION},
                 [&] { load_device_plugin(library); });
  }
}

}  // namespace
}  // namespace glm_image::test
