#include "core/device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>

#include <charconv>

#include "core/cpu_level.h"
#include "core/error.h"
#include "core/joined.h"

namespace glm_image {
namespace {

struct DeviceKind {
  std::string name;
  c10::DeviceType type;
};

/// The name that a plugin registered for its device, or the default "privateuseone". LibTorch 1.13
/// has only the default.
std::string plugin_device_name() {
#if TORCH_VERSION_MAJOR >= 2
  return c10::get_privateuse1_backend();
#else
  return "privateuseone";
#endif
}

std::vector<DeviceKind> device_kinds() {
  std::vector<DeviceKind> kinds = {
      {"cpu", c10::DeviceType::CPU},
      {"cuda", c10::DeviceType::CUDA},
      {"privateuseone", c10::DeviceType::PrivateUse1},
  };
  if (plugin_device_name() != "privateuseone") {
    kinds.push_back({plugin_device_name(), c10::DeviceType::PrivateUse1});
  }
  return kinds;
}

int64_t device_count(c10::DeviceType type) {
  if (type == c10::DeviceType::CPU) return 1;
  if (!c10::impl::hasDeviceGuardImpl(type)) return 0;
  try {
    return c10::impl::getDeviceGuardImpl(type)->deviceCount();
  } catch (const c10::Error&) {
    return 0;  // the driver is missing
  }
}

}  // namespace

void load_device_plugin(const std::string& library) {
  if (::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = ::dlerror();
    fail(ErrorCode::kNotFound,
         "the device plugin ",
         library,
         " cannot be loaded: ",
         reason == nullptr ? "unknown reason" : reason,
         " (it must match LibTorch ",
         TORCH_VERSION,
         "; a vendor's environment script may have to be sourced first)");
  }
}

std::vector<std::string> available_devices() {
  std::vector<std::string> names;
  for (const auto& kind : device_kinds()) {
    const int64_t count = device_count(kind.type);
    if (kind.type == c10::DeviceType::CPU) {
      names.push_back(kind.name);
      continue;
    }
    for (int64_t i = 0; i < count; ++i) names.push_back(concat(kind.name, ":", i));
  }
  return names;
}

at::Device parse_device(const std::string& name) {
  const auto colon = name.find(':');
  const auto kind_name = name.substr(0, colon);
  int index = 0;
  bool index_ok = true;
  if (colon != std::string::npos) {
    const char* begin = name.data() + colon + 1;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(begin, end, index);
    index_ok = begin != end && parsed.ec == std::errc() && parsed.ptr == end && index >= 0;
  }
  for (const auto& kind : device_kinds()) {
    if (kind.name != kind_name || !index_ok) continue;
    if (index >= device_count(kind.type)) {
      fail(ErrorCode::kNotFound,
           "the device ",
           name,
           " does not exist; available devices: ",
           joined(available_devices(), ", "));
    }
    if (kind.type == c10::DeviceType::CPU) return at::Device(kind.type);
    // By default cuDNN computes float32 convolutions in TF32, which has 10 bits of mantissa.
    // bfloat16 is not affected.
    if (kind.type == c10::DeviceType::CUDA) at::globalContext().setAllowTF32CuDNN(false);
    return at::Device(kind.type, static_cast<c10::DeviceIndex>(index));
  }
  fail(ErrorCode::kInvalidInput,
       "'",
       name,
       "' is not a device (a plugin's device needs --device-plugin); available devices: ",
       joined(available_devices(), ", "));
}

bool cpu_has_fast_bfloat16() {
#if defined(__x86_64__)
  const bool limited = cpu_level() != cpu_levels().front() && !cpu_has(CpuLevel::kAvx512Vnni);
  return !limited && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512vl") != 0;
#else
  return false;
#endif
}

}  // namespace glm_image
