#pragma once

#include <optional>

#include "core/torch.h"

/// The operations that a transformer block is made of, each as one function.
///
/// Every function here has up to three forms. `plain::f` is LibTorch's own operators: it runs on
/// every device, differentiates any number of times, and is what tests compare against. `f` picks a
/// fused CPU kernel where one exists and no gradient is asked for; the same with a fused gradient
/// (nn/differentiable.h) where one is; and falls back to `plain::f` everywhere else. Model code
/// calls `f` only.
///
/// Shapes: B batch, T tokens, C channels, H heads, D head dimension. Heads stay beside the tokens,
/// [B, T, H, D], from the projection to the output, so that no transposed copy is ever made.
namespace glm_image::nn {

/// What `attention` may be told.
struct AttentionOptions {
  /// Factor on the scores; 1/√D when absent (T5 uses 1).
  std::optional<double> scale;
  /// Query i may see keys 0 … i + (Tk − Tq): the causal rule with earlier keys kept in a cache.
  bool causal = false;
  /// Added to the scores, broadcastable to [B, H, Tq, Tk]; undefined for none.
  Tensor bias;
  /// True where a key may be seen, [B, Tk] bool; undefined when all may.
  Tensor key_mask;
};

/// y = x·Wᵀ + b. x [..., C_in], weight [C_out, C_in], bias [C_out] or undefined → [..., C_out].
/// On the CPU a few rows (decoding) are a memory-bound matrix-vector product and many rows of
/// bfloat16 a blocked product, each with its own kernel.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// softmax(scale·q·kᵀ + masks)·v over [B, T, H, D]; k and v may have fewer heads (each serves
/// H/H_kv query heads in order). Returns [B, Tq, H, D]. No score matrix larger than
/// kMaxScoreBytes exists at any time. k and v may be parts of a longer cache: they are read where
/// they lie. A query that may see no key at all has no defined result.
Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options);
inline constexpr int64_t kMaxScoreBytes = int64_t{256} << 20;

/// How many rows (queries) of float32 scores [batch, heads, rows, keys] fit kMaxScoreBytes; at
/// least one, at most `queries`.
int64_t attention_rows_at_once(int64_t batch, int64_t heads, int64_t queries, int64_t keys);

/// LayerNorm over C without affine, then ·(1 + scale) + shift. x [B, T, C]; shift, scale [B, C].
Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps);

/// x + gate·y. x, y [B, T, C]; gate [B, C].
Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate);

/// LayerNorm without affine over D of every head, then rotary on tokens `first_rotated` and later.
/// x [B, T, H, D]; cos, sin [T − first_rotated, D] float32 in half-split form (see `rotary`).
Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps);

/// Half-split rotation of the first R = cos.size(-1) dimensions of every head, the rest passed
/// through: pairs (i, i + R/2). x [B, T, H, D]; cos, sin [T, R] or [B, T, R], float32, whose two
/// halves are equal.
Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin);

/// x/√(mean(x²) + eps)·weight over the last dimension, computed in float32.
Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps);

/// The tanh form of GELU.
Tensor gelu_tanh(const Tensor& x);

/// silu(gate)·up for x = [gate, up] along the last dimension: [..., 2·C] → [..., C].
Tensor silu_gate(const Tensor& x);

namespace plain {
Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options);
Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps);
Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate);
Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps);
Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin);
Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps);
Tensor gelu_tanh(const Tensor& x);
Tensor silu_gate(const Tensor& x);
}  // namespace plain

}  // namespace glm_image::nn
