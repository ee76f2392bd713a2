#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// Stratified uniform samples in [0, 1) for `repeats` copies of a batch, [repeats·batch] float32.
/// Repeat r of example i has index r·batch + i.
///
/// The range is divided into repeats·batch equal strata with one sample each, which reduces the
/// variance of the loss. Repeat r lies in the r-th of `repeats` equal parts of the range. Within a
/// part the strata are permuted at random, so an example's index in the batch does not affect its
/// samples.
Tensor stratified_uniform(int64_t batch, int64_t repeats, at::Generator& random);

}  // namespace glm_image::train
