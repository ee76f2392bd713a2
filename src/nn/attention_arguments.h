#pragma once

#include <cmath>

#include "kernels/attention_problem.h"
#include "nn/cpu_kernels.h"
#include "nn/functional.h"

namespace glm_image::nn {

inline double attention_scale(const Tensor& q, const AttentionOptions& options) {
  return options.scale.value_or(1.0 / std::sqrt(static_cast<double>(q.size(3))));
}

inline kernels::AttentionProblem::Strides strides_of(const Tensor& x) {
  return {x.stride(0), x.stride(1), x.stride(2)};
}

/// Returns x if the values of each head are contiguous, else a copy. Keys and values are often
/// views of a cache.
inline Tensor dense_heads(const Tensor& x) {
  return x.stride(3) == 1 ? x : x.contiguous();
}

/// The kernels' description of an attention, and the tensors that own the memory it points to. The
/// caller sets `out`.
struct AttentionArguments {
  AttentionArguments(const Tensor& q,
                     const Tensor& k,
                     const Tensor& v,
                     const AttentionOptions& options)
      : query(dense_heads(q)), key(dense_heads(k)), value(dense_heads(v)) {
    if (options.key_mask.defined()) mask = options.key_mask.contiguous();
    problem.q = query.data_ptr();
    problem.k = key.data_ptr();
    problem.v = value.data_ptr();
    problem.q_strides = strides_of(query);
    problem.k_strides = strides_of(key);
    problem.v_strides = strides_of(value);
    problem.batch = q.size(0);
    problem.queries = q.size(1);
    problem.keys = k.size(1);
    problem.key_heads = k.size(2);
    problem.group = q.size(2) / k.size(2);
    problem.dim = q.size(3);
    problem.scale = static_cast<float>(attention_scale(q, options));
    problem.causal = options.causal;
    problem.key_mask = mask.defined() ? mask.data_ptr<bool>() : nullptr;
    problem.threads = at::get_num_threads();
  }

  Tensor query, key, value, mask;
  kernels::AttentionProblem problem;
};

}  // namespace glm_image::nn
