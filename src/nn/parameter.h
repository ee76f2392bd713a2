#pragma once

#include "core/torch.h"

namespace glm_image::nn {

/// A parameter of this shape, type and device that owns no memory of that size: one element, seen
/// through zero strides. Modules are built from these in no time and no space; weights are bound to
/// them afterwards (io/weight_binding.h), or `materialize` gives them storage for training.
///
/// Why not the meta device: LibTorch 1.13 refuses to replace the data of a meta tensor by that of
/// a tensor on another device, and modules hold the very same tensor object.
Tensor unbound_parameter(at::IntArrayRef shape, const at::TensorOptions& options);

/// True for a parameter that still is what unbound_parameter returned.
bool is_unbound(const Tensor& parameter);

/// Gives every unbound parameter of the module storage of its own, filled with zeros.
void materialize(torch::nn::Module& module);

}  // namespace glm_image::nn
