#pragma once

#include "core/torch.h"

namespace glm_image::bench {

/// The rate of a large matrix product, TFLOP/s: what a compute-bound program can hope for.
struct MatmulRate {
  double libtorch = 0;  ///< the best of at::mm and at::linear over a few plausible shapes
  double ours = 0;      ///< nn::linear over the same shapes
  double limit() const { return libtorch > ours ? libtorch : ours; }
};
MatmulRate measure_matmul(at::ScalarType type, at::Device device);

/// The rate at which all cores together read memory, or a device copies its own, GB/s: what a
/// memory-bound program can hope for.
double measure_read_bandwidth(at::Device device);

}  // namespace glm_image::bench
