#pragma once

#include <string>

#include "core/torch.h"

/// Which back end of c10d carries the tensors of a device between ranks. The one place that
/// decides: ProcessGroup takes tensors of any device.
namespace glm_image::cluster {

struct Backend {
  std::string name;        ///< c10d's
  c10::DeviceType memory;  ///< where it reads and writes tensors
};

/// Gloo for all devices: tensors of a device other than the CPU cross the network from copies in
/// the CPU's memory. NCCL is not used even where LibTorch has it: an operation whose rank is lost
/// must end within kNoticeLimit, and this was not tried on machines with GPUs. A plugin's back end,
/// such as HCCL, cannot be found: c10d's registry of them is a Python class
/// (Backend.register_backend).
Backend backend_of(c10::DeviceType device);

/// The tensor as its back end takes it: contiguous and in its memory. The tensor itself if it is so
/// already.
Tensor carried(const Tensor& tensor);

/// Writes what came back into the tensor, unless they are the same.
void take_back(const Tensor& carried, const Tensor& tensor);

}  // namespace glm_image::cluster
