#pragma once

#include "core/torch.h"

namespace glm_image::bench {

/// The rate of a large matrix product in TFLOP/s: the limit of a compute-bound program.
struct MatmulRate {
  double libtorch = 0;  ///< the best of at::mm and at::linear over a few plausible shapes
  double ours = 0;      ///< nn::linear over the same shapes
  double limit() const { return libtorch > ours ? libtorch : ours; }
};
MatmulRate measure_matmul(at::ScalarType type, at::Device device);

/// Returns the rate in GB/s at which all cores together read memory, or a device copies its own
/// memory: the limit of a memory-bound program.
double measure_read_bandwidth(at::Device device);

/// The median time in which all cores together read the weights of a module on the CPU where they
/// lie, but for embeddings.
struct WeightRead {
  double bytes = 0, seconds = 0;
};
WeightRead measure_weight_read(const torch::nn::Module& module);
/// The same as a rate, GB/s.
double measure_read_bandwidth(const torch::nn::Module& module);

}  // namespace glm_image::bench
