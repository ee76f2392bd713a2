#pragma once

#include <algorithm>

#include "nn/cpu_kernels.h"

/// Tensor layouts and threading of the kernels that process tokens one by one.
namespace glm_image::nn {

/// Returns x [B, T, C] with contiguous tokens; the batch stride may be larger than T·C.
inline Tensor dense_tokens(const Tensor& x) {
  const bool dense = x.dim() == 3 && x.stride(2) == 1 && x.stride(1) == x.size(2);
  return dense ? x : x.contiguous();
}

/// Whether the kernels can read cos and sin: float32 on the CPU, without gradient.
inline bool angles_apply(const Tensor& cos, const Tensor& sin) {
  return kernels_apply({&cos, &sin}) && cos.scalar_type() == at::kFloat;
}

/// Calls function(batch, first token, end token) on all threads, for x [B, T, ...].
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
