#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "nn/functional.h"

namespace glm_image::nn::plain {
namespace {

/// The type of sums and rotations: float32, or float64 for float64 input, which finite differences
/// need.
at::ScalarType wide_type(const Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

Tensor layer_norm(const Tensor& x, double eps) {
  return at::layer_norm(x, {x.size(-1)}, /*weight=*/{}, /*bias=*/{}, eps);
}

/// −∞ for masked scores, broadcastable to [B, H, rows, Tk]; undefined without a mask.
Tensor score_mask(const AttentionOptions& options,
                  int64_t first_row,
                  int64_t rows,
                  int64_t total_rows,
                  int64_t keys,
                  const at::Device& device) {
  Tensor allowed;
  if (options.key_mask.defined()) {
    allowed = options.key_mask.view({-1, 1, 1, keys});
  }
  if (options.causal && total_rows > 1) {
    const auto index = at::TensorOptions().dtype(at::kLong).device(device);
    const auto last_visible =
        at::arange(first_row, first_row + rows, index).unsqueeze(1) + (keys - total_rows);
    const auto causal = at::arange(keys, index).unsqueeze(0) <= last_visible;
    allowed = allowed.defined() ? allowed.logical_and(causal) : causal;
  }
  return allowed;
}

/// Transposes to [B, H, T, D]; grouped keys or values are repeated for each of their query heads.
Tensor by_head(const Tensor& x, int64_t heads) {
  const auto transposed = x.transpose(1, 2);
  return x.size(2) == heads ? transposed
                            : transposed.repeat_interleave(heads / x.size(2), /*dim=*/1);
}

Tensor rows_of_bias(const Tensor& bias, int64_t first_row, int64_t rows) {
  return bias.size(-2) == 1 ? bias : bias.narrow(-2, first_row, rows);
}

/// Concatenates piece(first_row, rows) over all rows of a query [B, H, T, D], with as many rows at
/// a time as kMaxScoreBytes allows.
template <typename Piece>
Tensor in_rows(const Tensor& query, int64_t keys, const Piece& piece) {
  const int64_t queries = query.size(2);
  const int64_t rows_at_once = attention_rows_at_once(query.size(0), query.size(1), queries, keys);
  std::vector<Tensor> chunks;
  for (int64_t row = 0; row < queries; row += rows_at_once) {
    chunks.push_back(piece(row, std::min(rows_at_once, queries - row)));
  }
  return chunks.size() == 1 ? chunks.front() : at::cat(chunks, /*dim=*/2);
}

/// softmax(scale·q·kᵀ + masks)·v over [B, H, T, D].
Tensor attend_by_products(const Tensor& query,
                          const Tensor& key,
                          const Tensor& value,
                          double scale,
                          const AttentionOptions& options) {
  const int64_t queries = query.size(2), keys = key.size(2);
  const auto scaled = query * scale;
  const auto key_columns = key.transpose(-2, -1);
  return in_rows(query, keys, [&](int64_t row, int64_t rows) {
    auto scores = at::matmul(scaled.narrow(2, row, rows), key_columns);
    if (options.bias.defined()) scores = scores + rows_of_bias(options.bias, row, rows);
    const auto allowed = score_mask(options, row, rows, queries, keys, query.device());
    if (allowed.defined()) scores = scores.masked_fill(allowed.logical_not(), -INFINITY);
    const auto weights = at::softmax(scores, -1, wide_type(scores)).to(query.scalar_type());
    return at::matmul(weights, value);
  });
}

#if GLM_IMAGE_HAS_FUSED_ATTENTION

/// Number of queries up to which plain products are used. When one token is decoded, the heads that
/// share keys count as queries.
constexpr int64_t kFewQueries = 32;

/// Returns the sum of bias and masks for these rows. Undefined without bias and masks.
Tensor added_to_scores(const AttentionOptions& options,
                       int64_t first_row,
                       int64_t rows,
                       const Tensor& query,
                       int64_t keys) {
  auto allowed = score_mask(options, first_row, rows, query.size(2), keys, query.device());
  if (!options.bias.defined()) return allowed;
  const auto bias = rows_of_bias(options.bias, first_row, rows).to(query.scalar_type());
  return allowed.defined() ? bias.masked_fill(allowed.logical_not(), -INFINITY) : bias;
}

/// Whether LibTorch has a kernel for these inputs that stores no score matrix. This is known only
/// for CUDA; a plugin's device may fall back to products of whole matrices.
bool is_fused(const Tensor& query, const Tensor& key, const Tensor& value, bool causal) {
  return query.is_cuda() && at::_fused_sdp_choice(query, key, value, {}, 0.0, causal) != 0;
}

/// LibTorch's fused attention over [B, H, T, D]: in one call if it is known to store no score
/// matrix, otherwise by rows (a mask is a matrix, and a fallback creates one).
Tensor attend(const Tensor& query,
              const Tensor& key,
              const Tensor& value,
              double scale,
              const AttentionOptions& options) {
  const int64_t queries = query.size(2), keys = key.size(2);
  // Decoding adds one key per token. cuDNN, which LibTorch 2.11 chooses, appears to create a new
  // plan for every number of keys: on an H200 a token takes 59 ms with 40 layers, and 47 ms with 6
  // small ones.
  if (queries <= kFewQueries) return attend_by_products(query, key, value, scale, options);
  // LibTorch before 2.1 has no scale argument. The default scale needs no multiplication; T5's
  // scale of 1 multiplies by √D, which is a power of two for D = 64.
  const double factor = scale * std::sqrt(static_cast<double>(query.size(3)));
  const auto scaled = std::abs(factor - 1) < 1e-12 ? query : query * factor;
  const bool masked = options.bias.defined() || options.key_mask.defined();
  const bool causal = options.causal && queries > 1;
  if (!masked && (!causal || queries == keys) && is_fused(scaled, key, value, causal)) {
    return at::scaled_dot_product_attention(scaled, key, value, {}, /*dropout_p=*/0.0, causal);
  }
  return in_rows(query, keys, [&](int64_t row, int64_t rows) {
    const auto added = added_to_scores(options, row, rows, query, keys);
    const auto part = scaled.narrow(2, row, rows);
    return added.defined() ? at::scaled_dot_product_attention(part, key, value, added)
                           : at::scaled_dot_product_attention(part, key, value);
  });
}

#else

Tensor attend(const Tensor& query,
              const Tensor& key,
              const Tensor& value,
              double scale,
              const AttentionOptions& options) {
  return attend_by_products(query, key, value, scale, options);
}

#endif

}  // namespace

Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options) {
  const int64_t batch = q.size(0), heads = q.size(2), dim = q.size(3), kv_heads = k.size(2);
  GLM_IMAGE_CHECK(heads % kv_heads == 0, heads, " query heads over ", kv_heads, " key heads");
  if (q.size(1) == 1 && kv_heads != heads && !options.bias.defined()) {
    // A single query attends to all keys, so the heads that share keys can be treated as tokens.
    // The keys, a long cache when decoding, then need not be repeated.
    auto seen_alike = options;
    seen_alike.causal = false;
    const auto tokens = q.reshape({batch, kv_heads, heads / kv_heads, dim}).transpose(1, 2);
    return plain::attention(tokens, k, v, seen_alike)
        .transpose(1, 2)
        .reshape({batch, 1, heads, dim});
  }
  const double scale = options.scale.value_or(1.0 / std::sqrt(static_cast<double>(dim)));
  const auto out = attend(by_head(q, heads), by_head(k, heads), by_head(v, heads), scale, options);
  return out.transpose(1, 2).contiguous();
}

Tensor modulated_layer_norm(const Tensor& x, const Tensor& shift, const Tensor& scale, double eps) {
  return layer_norm(x, eps) * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1);
}

Tensor gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate) {
  return x + gate.unsqueeze(1) * y;
}

Tensor rotary(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  const int64_t rotated = cos.size(-1), half = rotated / 2;
  const auto head = x.narrow(-1, 0, rotated);
  const auto turned = at::cat({-head.narrow(-1, half, half), head.narrow(-1, 0, half)}, -1);
  // [T, R] or [B, T, R], with a dimension of one for the heads.
  const auto c = cos.unsqueeze(-2), s = sin.unsqueeze(-2);
  const auto wide = wide_type(x);
  const auto out = (head.to(wide) * c + turned.to(wide) * s).to(x.scalar_type());
  return rotated == x.size(-1) ? out
                               : at::cat({out, x.narrow(-1, rotated, x.size(-1) - rotated)}, -1);
}

Tensor head_norm_rotary(
    const Tensor& x, const Tensor& cos, const Tensor& sin, int64_t first_rotated, double eps) {
  const auto normed = layer_norm(x, eps);
  if (first_rotated == 0) return rotary(normed, cos, sin);
  const int64_t rest = x.size(1) - first_rotated;
  return at::cat(
      {normed.narrow(1, 0, first_rotated), rotary(normed.narrow(1, first_rotated, rest), cos, sin)},
      /*dim=*/1);
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  const auto wide = x.to(wide_type(x));
  const auto normed = wide * at::rsqrt(wide.pow(2).mean(-1, /*keepdim=*/true) + eps);
  return weight * normed.to(x.scalar_type());
}

Tensor gelu_tanh(const Tensor& x) {
  return at::gelu(x, "tanh");
}

Tensor silu_gate(const Tensor& x) {
  const auto halves = x.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

}  // namespace glm_image::nn::plain
