#pragma once

#include <functional>

#include "cluster/process_group.h"

/// Tensors of all ranks of a group, whatever their type and device.
namespace glm_image::cluster {

/// The same as ProcessGroup::all_gather: tensors travel as bytes, since Gloo does not know all
/// types in all versions of LibTorch.
std::vector<Tensor> all_gather(ProcessGroup& group, const Tensor& tensor);

/// Rank r holds the indices total·r/size … total·(r + 1)/size − 1 of a dimension, of which this
/// rank's are `own`; returns those of all ranks.
Tensor gather_along(ProcessGroup& group, const Tensor& own, int64_t dimension, int64_t total);
/// Starts this operation; the returned function waits for its end. `own` must not change until
/// then.
std::function<Tensor()> begin_gather_along(ProcessGroup& group,
                                           const Tensor& own,
                                           int64_t dimension,
                                           int64_t total);

}  // namespace glm_image::cluster
