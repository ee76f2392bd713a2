#pragma once

#include "core/torch.h"

namespace glm_image::train {

/// Random numbers from 0 to 1 for a batch that is repeated: all examples, then all again.
/// [repeats·batch] float32; the repeat r of example i is at r·batch + i.
///
/// The range is cut into repeats·batch equal strata with one number in each, so that the mean of a
/// function of them varies less from step to step than with independent numbers. The repeats of
/// one example lie in different `repeats`-ths of the range. Within these, strata are dealt at
/// random: an example's slot in the batch says nothing about its number.
Tensor stratified_uniform(int64_t batch, int64_t repeats, at::Generator& random);

}  // namespace glm_image::train
