#include <cmath>

#include "core/error.h"
#include "kernels/bfloat16_attention.h"
#include "kernels/float_attention.h"
#include "nn/cpu_kernels.h"
#include "nn/functional.h"

namespace glm_image::nn {
namespace {

kernels::AttentionProblem::Strides strides_of(const Tensor& x) {
  return {x.stride(0), x.stride(1), x.stride(2)};
}

/// x itself where the values of a head are dense: keys and values are often part of a cache.
Tensor dense_heads(const Tensor& x) {
  return x.stride(3) == 1 ? x : x.contiguous();
}

}  // namespace

int64_t attention_rows_at_once(int64_t batch, int64_t heads, int64_t queries, int64_t keys) {
  const int64_t bytes_per_row = batch * heads * keys * static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(
      kMaxScoreBytes / std::max<int64_t>(bytes_per_row, 1), 1, std::max<int64_t>(queries, 1));
}

Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options) {
  GLM_IMAGE_CHECK(q.size(2) % k.size(2) == 0, q.size(2), " query heads over ", k.size(2));
  if constexpr (kHaveKernels) {
    const int64_t queries = q.size(1), heads = q.size(2), dim = q.size(3);
    const double scale = options.scale.value_or(1.0 / std::sqrt(static_cast<double>(dim)));
    if (kernels_apply({&q, &k, &v}) && !options.bias.defined() && scale > 0) {
      const auto query = dense_heads(q), key = dense_heads(k), value = dense_heads(v);
      const auto out = at::empty(q.sizes(), q.options());
      const auto mask = options.key_mask.defined() ? options.key_mask.contiguous() : Tensor();
      kernels::AttentionProblem problem;
      problem.q = query.data_ptr();
      problem.k = key.data_ptr();
      problem.v = value.data_ptr();
      problem.out = out.data_ptr();
      problem.q_strides = strides_of(query);
      problem.k_strides = strides_of(key);
      problem.v_strides = strides_of(value);
      problem.out_strides = strides_of(out);
      problem.batch = q.size(0);
      problem.queries = queries;
      problem.keys = k.size(1);
      problem.key_heads = k.size(2);
      problem.group = heads / k.size(2);
      problem.dim = dim;
      problem.scale = static_cast<float>(scale);
      problem.causal = options.causal;
      problem.key_mask = mask.defined() ? mask.data_ptr<bool>() : nullptr;
      problem.threads = at::get_num_threads();
      if (q.scalar_type() == at::kBFloat16 && dim % 2 == 0 && kernels::has_bfloat16_dot_product()) {
        for_each_piece<kernels::Bfloat16AttentionWorkspace>(
            kernels::bfloat16_attention_pieces(problem),
            problem,
            [&](int64_t index, auto& workspace) {
              kernels::bfloat16_attention_piece(problem, index, workspace);
            });
      } else {
        for_each_piece<kernels::FloatAttentionWorkspace>(
            kernels::float_attention_pieces(problem), problem, [&](int64_t index, auto& workspace) {
              kernels::float_attention_piece(element_of(q), problem, index, workspace);
            });
      }
      return out;
    }
  }
  return plain::attention(q, k, v, options);
}

}  // namespace glm_image::nn
