#pragma once

#include <cstdint>
#include <optional>

#include "train/objectives/flow_matching.h"
#include "train/ranks/batch_share.h"

namespace glm_image::train {

struct NoiseOptions {
  int64_t repeats = 1;  ///< noise levels of each picture
  /// Above 1 favours high noise. Without a value, all levels are equally likely.
  std::optional<double> timestep_density;
};

/// Uniform numbers in [0, 1) that give the noise levels, float32, on the CPU.
struct NoiseLevels {
  Tensor all;  ///< of the examples of all ranks, in the order of FlowMatchingBatch
  Tensor own;  ///< [N], of this rank's
};

/// Draws the noise and the noise levels of a batch: sets noise, timestep and sigma from `clean`,
/// on its device. A number u gives t = 1 + (T − 1)·(1 − (1 − u)^density), T being
/// num_train_timesteps, and σ(t) shifted for `image_tokens`, those of the whole picture where
/// `clean` is a crop.
///
/// The numbers are stratified (stratified_uniform). `random` draws for the examples of all ranks:
/// first the noise, then the levels.
NoiseLevels draw_noise(const diffusion::FlowMatchConfig& flow,
                       int64_t image_tokens,
                       const NoiseOptions& options,
                       const BatchShare& share,
                       at::Generator& random,
                       FlowMatchingBatch& batch);

}  // namespace glm_image::train
