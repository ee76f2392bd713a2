#pragma once

#include <functional>

#include "core/torch.h"
#include "io/weight_cut.h"

namespace glm_image::quant {

/// Writes rows first … first + rows − 1 of a weight [out, in] as float32, [rows, in].
using ReadFloats = std::function<void(int64_t first, int64_t rows, float* values)>;

/// The values of a weight in a floating type. Reads a few rows at a time: at most 4 MiB of float32
/// (or one row) are in memory beside the result.
Tensor read_values(const ReadFloats& read, int64_t out, int64_t in, at::ScalarType type);

/// The same for a part of a weight.
Tensor read_part(const ReadFloats& read, const io::WeightCut& cut, at::ScalarType type);

}  // namespace glm_image::quant
