#pragma once

#include <optional>

#include "core/torch.h"

/// The operations of a transformer block as functions.
///
/// Every function has up to three implementations. `plain::f` uses LibTorch's operators: it runs on
/// every device, is differentiable any number of times, and is the reference in tests. `f` uses a
/// fused CPU kernel if one exists and no gradient is needed, the kernel with a fused gradient
/// (nn/differentiable.h) if a gradient is needed, and `plain::f` otherwise. Model code calls only
/// `f`.
///
/// Shapes: B batch, T tokens, C channels, H heads, D head dimension. Heads stay after the tokens,
/// [B, T, H, D], from the projection to the output, which avoids transposed copies.
namespace glm_image::nn {

/// Options of `attention`.
struct AttentionOptions {
  /// Factor on the scores; 1/√D if absent (T5 uses 1).
  std::optional<double> scale;
  /// Causal mask with earlier keys from a cache: query i attends to keys 0 … i + (Tk − Tq).
  bool causal = false;
  /// Added to the scores, broadcastable to [B, H, Tq, Tk]; undefined for none.
  Tensor bias;
  /// [B, Tk] bool, true where a key may be attended to; undefined if all may.
  Tensor key_mask;
  /// Whether bfloat16 heads may be multiplied as 8-bit integers where the CPU is faster with them
  /// (kernels/quantised_attention.h). Without effect while gradients are enabled or recomputed.
  bool quantised = false;
};

/// y = x·Wᵀ + b. x [..., C_in], weight [C_out, C_in], bias [C_out] or undefined → [..., C_out].
/// On the CPU there are two kernels: a memory-bound matrix-vector product for few rows (decoding),
/// and a blocked product for many rows of bfloat16.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

class QuantisedMatrix;

/// The same with a weight that stays quantised, on the weight's device. Only x may need a gradient.
Tensor linear(const Tensor& x, const QuantisedMatrix& weight, const Tensor& bias);

/// softmax(scale·q·kᵀ + masks)·v over [B, T, H, D]; k and v may have fewer heads (each serves
/// H/H_kv query heads in order). Returns [B, Tq, H, D]. No score matrix larger than
/// kMaxScoreBytes exists at any time. k and v may be views of a longer cache; they are not copied.
/// The result for a query without any allowed key is undefined.
Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options);
inline constexpr int64_t kMaxScoreBytes = int64_t{256} << 20;

/// Whether attention of these heads keeps its scores for the backward pass.
bool attention_keeps_scores(const at::Device& device, at::ScalarType type, int64_t head_dim);

/// Returns the number of rows (queries) of float32 scores [batch, heads, rows, keys] that fit into
/// kMaxScoreBytes; at least 1, at most `queries`.
int64_t attention_rows_at_once(int64_t batch, int64_t heads, int64_t queries, int64_t keys);

/// LayerNorm over C without affine, then ·(1 + scale) + shift. x [B, T, C]; shift, scale [B, C].
Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps);

/// x + gate·y. x, y [B, T, C]; gate [B, C].
Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate);

/// LayerNorm without affine over D of every head, then rotary on tokens `first_rotated` and later.
/// x [B, T, H, D]; cos, sin [T − first_rotated, D] float32 in half-split form (see `rotary`).
Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps);

/// Rotates the pairs (i, i + R/2) of the first R = cos.size(-1) dimensions of every head
/// (half-split form); the other dimensions are unchanged. x [B, T, H, D]; cos and sin are float32,
/// [T, R] or [B, T, R], with two equal halves.
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
