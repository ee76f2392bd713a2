#include "core/error.h"
#include "kernels/bfloat16_attention.h"
#include "kernels/bfloat16_dot_product.h"
#include "kernels/float_attention.h"
#include "kernels/quantised_attention.h"
#include "nn/attention_arguments.h"
#include "nn/differentiable.h"
#include "nn/recompute.h"

namespace glm_image::nn {

namespace {

/// Whether the kernels' workspaces are small enough. Each thread copies one head's keys and values.
/// For the wide head of a VAE's middle block on a large picture, plain products by rows need less
/// memory.
bool workspaces_fit(const Tensor& k) {
  constexpr int64_t kMaxBytes = int64_t{1} << 30;
  const int64_t bytes = 2 * k.size(1) * k.size(3) * static_cast<int64_t>(sizeof(float));
  return bytes * at::get_num_threads() <= kMaxBytes;
}

/// Whether the kernel for bfloat16 dot products, which has a gradient, applies.
bool has_gradient_kernel(at::ScalarType type, int64_t head_dim) {
  if constexpr (kHaveKernels) {
    return type == at::kBFloat16 && head_dim % 2 == 0 && kernels::has_bfloat16_dot_product();
  }
  return false;
}

/// Not in training, where evaluations with and without gradients must agree.
bool may_quantise(at::ScalarType type) {
  if constexpr (kHaveKernels) {
    return type == at::kBFloat16 && !at::GradMode::is_enabled() && !is_recomputed() &&
           kernels::has_quantised_attention();
  }
  return false;
}

}  // namespace

int64_t attention_rows_at_once(int64_t batch, int64_t heads, int64_t queries, int64_t keys) {
  const int64_t bytes_per_row = batch * heads * keys * static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(
      kMaxScoreBytes / std::max<int64_t>(bytes_per_row, 1), 1, std::max<int64_t>(queries, 1));
}

bool attention_keeps_scores(const at::Device& device, at::ScalarType type, int64_t head_dim) {
  if constexpr (kHaveKernels) {
    return !(device.is_cpu() && has_gradient_kernel(type, head_dim));
  }
  return true;
}

Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options) {
  GLM_IMAGE_CHECK(q.size(2) % k.size(2) == 0, q.size(2), " query heads over ", k.size(2));
  if constexpr (kHaveKernels) {
    const bool plain_scores = !options.bias.defined() && attention_scale(q, options) > 0;
    const bool dot_product = has_gradient_kernel(q.scalar_type(), q.size(3));
    if (plain_scores && kernels_apply({&q, &k, &v}) && workspaces_fit(k)) {
      AttentionArguments arguments(q, k, v, options);
      auto& problem = arguments.problem;
      auto out = at::empty(q.sizes(), q.options());
      problem.out = out.data_ptr();
      problem.out_strides = strides_of(out);
      if (options.quantised && may_quantise(q.scalar_type())) {
        for_each_piece<kernels::QuantisedAttentionWorkspace>(
            kernels::quantised_attention_pieces(problem),
            problem,
            [&](int64_t index, auto& workspace) {
              kernels::quantised_attention_piece(problem, index, workspace);
            });
      } else if (dot_product) {
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
    if (plain_scores && dot_product && gradient_kernels_apply({&q, &k, &v})) {
      auto exact = options;
      exact.quantised = false;  // its forward pass comes here again, without gradients
      return differentiable::attention(q, k, v, exact);
    }
  }
  return plain::attention(q, k, v, options);
}

}  // namespace glm_image::nn
