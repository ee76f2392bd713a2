#pragma once

#include <memory>

#include "nn/quantised_matrix.h"

namespace glm_image::nn {

/// A copy of the weight on a device without kernels of ours. Its integers and scales stay as small
/// as they are; nn::linear dequantises them there by LibTorch's operators, just before each
/// product. Null if a row's inputs are not a multiple of 8: rows must be whole words.
std::shared_ptr<const QuantisedMatrix> on_device(const QuantisedMatrix& weight, at::Device device);

}  // namespace glm_image::nn
