#pragma once

#include "core/torch.h"
#include "kernels/attention_problem.h"

namespace glm_image::kernels {

/// The attention of tensors [B, T, H, D], without scale and masks.
inline AttentionProblem attention_of(
    const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out, int64_t threads) {
  const auto strides = [](const Tensor& x) {
    return AttentionProblem::Strides{x.stride(0), x.stride(1), x.stride(2)};
  };
  AttentionProblem problem;
  problem.q = q.data_ptr();
  problem.k = k.data_ptr();
  problem.v = v.data_ptr();
  problem.out = out.data_ptr();
  problem.q_strides = strides(q);
  problem.k_strides = strides(k);
  problem.v_strides = strides(v);
  problem.out_strides = strides(out);
  problem.batch = q.size(0);
  problem.queries = q.size(1);
  problem.keys = k.size(1);
  problem.key_heads = k.size(2);
  problem.group = q.size(2) / k.size(2);
  problem.dim = q.size(3);
  problem.threads = threads;
  return problem;
}

}  // namespace glm_image::kernels
