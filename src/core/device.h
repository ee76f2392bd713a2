#pragma once

#include <string>
#include <vector>

#include "core/torch.h"

/// The one place that knows devices. Everything else receives an at::Device.
namespace glm_image {

/// Loads the library of a LibTorch device plugin (PrivateUse1: Huawei Ascend's libtorch_npu, …),
/// whose static initialisers register its device and kernels. It stays loaded until the process
/// ends: what it registered lives in LibTorch's tables. Throws kNotFound with the loader's reason.
void load_device_plugin(const std::string& library);

/// Parses "cpu", "cuda", "cuda:1", "privateuseone:0" or the name that a loaded plugin registered
/// ("npu:0"), and checks that such a device is there. Throws kInvalidInput for a name that is none,
/// kNotFound for a device that is not there; both list the devices there are. Choosing a CUDA
/// device keeps the process's float32 convolutions from TF32.
at::Device parse_device(const std::string& name);

/// Names of the devices that can be used now, "cpu" first.
std::vector<std::string> available_devices();

/// True when the CPU multiplies bfloat16 matrices at speed (AVX-512).
bool cpu_has_fast_bfloat16();

}  // namespace glm_image
