#pragma once

#include <algorithm>

#include "nn/cpu_kernels.h"

/// How the kernels that work on tokens, one after the other, are given tensors and threads.
namespace glm_image::nn {

/// [B, T, C] whose tokens are dense rows; batches may lie apart (part of the tokens of each).
inline Tensor dense_tokens(const Tensor& x) {
  const bool dense = x.dim() == 3 && x.stride(2) == 1 && x.stride(1) == x.size(2);
  return dense ? x : x.contiguous();
}

/// True when cos and sin are what the kernels read: float32 on the CPU, without gradient.
inline bool angles_apply(const Tensor& cos, const Tensor& sin) {
  return kernels_apply({&cos, &sin}) && cos.scalar_type() == at::kFloat;
}

/// function(batch, first token, last token) over all threads, for x [B, T, ...].
template <typename Function>
void for_each_run_of_tokens(const Tensor& x, int64_t channels, const Function& function) {
  const int64_t batch = x.size(0), tokens = x.size(1);
  at::parallel_for(0, batch * tokens, rows_per_thread(channels), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t b = begin / tokens;
      const int64_t last = std::min(end, (b + 1) * tokens);
      function(b, begin - b * tokens, last - b * tokens);
      begin = last;
    }
  });
}

}  // namespace glm_image::nn
