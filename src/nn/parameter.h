#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// Returns a parameter of this shape, type and device without storage for its values: it has one
/// element and zero strides. Modules are constructed from these without cost; then weights are
/// bound to them (io/weight_binding.h), or `materialize` allocates storage for training.
///
/// The meta device is not used because LibTorch 1.13 cannot replace the data of a meta tensor by
/// that of a tensor on another device, and modules hold the same tensor object.
Tensor unbound_parameter(at::IntArrayRef shape, const at::TensorOptions& options);

/// Whether a parameter has no storage yet, as returned by unbound_parameter.
bool is_unbound(const Tensor& parameter);

/// Allocates zero-filled storage for every unbound parameter of the module.
void materialize(torch::nn::Module& module);

}  // namespace glm_image::nn
