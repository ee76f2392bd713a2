#pragma once

#include <string>
#include <vector>

#include "core/torch.h"

/// Device names are handled only here. Everything else receives an at::Device.
namespace glm_image {

/// Loads the library of a LibTorch device plugin (PrivateUse1: Huawei Ascend's libtorch_npu, …),
/// whose static initialisers register its device and kernels. It stays loaded until the process
/// ends: what it registered lives in LibTorch's tables. Throws kNotFound with the loader's reason.
void load_device_plugin(const std::string& library);

/// Parses "cpu", "cuda", "cuda:1", "privateuseone:0" or the name that a loaded plugin registered
/// ("npu:0"), and checks that the device exists. Throws kInvalidInput for an unknown name and
/// kNotFound for a missing device; both messages list the available devices. For a CUDA device,
/// turns off TF32 in the process's float32 convolutions.
at::Device parse_device(const std::string& name);

/// Names of the available devices, "cpu" first.
std::vector<std::string> available_devices();

/// Whether the CPU multiplies bfloat16 matrices fast (AVX-512).
bool cpu_has_fast_bfloat16();

}  // namespace glm_image
