#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "nn/functional.h"

namespace glm_image::nn::plain {
namespace {

Tensor layer_norm(const Tensor& x, double eps) {
  return at::layer_norm(x, {x.size(-1)}, /*weight=*/{}, /*bias=*/{}, eps);
}

/// −∞ where a score must not count, broadcastable to [B, H, rows, Tk]; undefined for no limit.
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
  if (options.causal) {
    const auto index = at::TensorOptions().dtype(at::kLong).device(device);
    const auto last_visible =
        at::arange(first_row, first_row + rows, index).unsqueeze(1) + (keys - total_rows);
    const auto causal = at::arange(keys, index).unsqueeze(0) <= last_visible;
    allowed = allowed.defined() ? allowed.logical_and(causal) : causal;
  }
  return allowed;
}

}  // namespace

Tensor attention(const Tensor& q,
                 const Tensor& k,
                 const Tensor& v,
                 const AttentionOptions& options) {
  const int64_t batch = q.size(0), queries = q.size(1), heads = q.size(2), dim = q.size(3);
  const int64_t keys = k.size(1), kv_heads = k.size(2);
  GLM_IMAGE_CHECK(heads % kv_heads == 0, heads, " query heads over ", kv_heads, " key heads");
  const double scale = options.scale.value_or(1.0 / std::sqrt(static_cast<double>(dim)));

  const auto by_head = [&](const Tensor& x) {
    auto transposed = x.transpose(1, 2);
    return kv_heads == heads || x.size(2) == heads
               ? transposed
               : transposed.repeat_interleave(heads / kv_heads, /*dim=*/1);
  };
  const auto query = by_head(q) * scale;
  const auto key = by_head(k).transpose(-2, -1);
  const auto value = by_head(v);

  const int64_t bytes_per_row = batch * heads * keys * static_cast<int64_t>(sizeof(float));
  const int64_t rows_at_once =
      std::clamp<int64_t>(kMaxScoreBytes / std::max<int64_t>(bytes_per_row, 1), 1, queries);
  std::vector<Tensor> chunks;
  for (int64_t row = 0; row < queries; row += rows_at_once) {
    const int64_t rows = std::min(rows_at_once, queries - row);
    auto scores = at::matmul(query.narrow(2, row, rows), key);
    if (options.bias.defined()) {
      scores =
          scores + (options.bias.size(-2) == 1 ? options.bias : options.bias.narrow(-2, row, rows));
    }
    const auto allowed = score_mask(options, row, rows, queries, keys, q.device());
    if (allowed.defined()) {
      scores = scores.masked_fill(allowed.logical_not(), -INFINITY);
    }
    const auto weights = at::softmax(scores, -1, at::kFloat).to(q.scalar_type());
    chunks.push_back(at::matmul(weights, value));
  }
  const auto out = chunks.size() == 1 ? chunks.front() : at::cat(chunks, /*dim=*/2);
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
  const auto out = (head.to(at::kFloat) * c + turned.to(at::kFloat) * s).to(x.scalar_type());
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
  const auto wide = x.to(at::kFloat);
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
