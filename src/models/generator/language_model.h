#pragma once

#include <utility>

#include "models/generator/config.h"
#include "nn/key_value_cache.h"
#include "nn/modules.h"

/// The autoregressive generator: GLM-4's decoder with three-axis rotary positions.
/// After transformers' models/glm_image/modeling_glm_image.py.
namespace glm_image::models {

/// cos and sin of the rotary angles, each [B, T, rotary_dim] float32, for positions [3, B, T]
/// (time, height, width). The frequencies θ^(−2i/d) are shared out among the three axes in
/// contiguous sections, not interleaved.
std::pair<Tensor, Tensor> rotary_angles(const Tensor& position_ids, const GeneratorConfig& config);

/// Grouped-query attention with causal mask; the first rotary_dim dimensions of a head are rotated.
struct GlmImageTextAttentionImpl : torch::nn::Module {
  GlmImageTextAttentionImpl(const GeneratorConfig& config, const at::TensorOptions& options);
  /// x [B, T, hidden] → [B, T, hidden]. `cache` may be null: then x is the whole sequence.
  Tensor forward(const Tensor& x,
                 const Tensor& cos,
                 const Tensor& sin,
                 nn::KeyValueCache* cache,
                 int64_t layer) const;

 private:
  int64_t heads_, key_value_heads_, head_dim_;
  nn::Linear q_proj{nullptr}, k_proj{nullptr}, v_proj{nullptr}, o_proj{nullptr};
};
TORCH_MODULE(GlmImageTextAttention);

/// down(silu(gate)·up), gate and up in one product.
struct GlmImageTextMLPImpl : torch::nn::Module {
  GlmImageTextMLPImpl(const GeneratorConfig& config, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;

 private:
  nn::Linear gate_up_proj{nullptr}, down_proj{nullptr};
};
TORCH_MODULE(GlmImageTextMLP);

/// x += norm(attention(norm(x))); x += norm(mlp(norm(x))).
struct GlmImageTextDecoderLayerImpl : torch::nn::Module {
  GlmImageTextDecoderLayerImpl(const GeneratorConfig& config, const at::TensorOptions& options);
  Tensor forward(const Tensor& x,
                 const Tensor& cos,
                 const Tensor& sin,
                 nn::KeyValueCache* cache,
                 int64_t layer) const;

 private:
  GlmImageTextAttention self_attn{nullptr};
  GlmImageTextMLP mlp{nullptr};
  nn::RMSNorm input_layernorm{nullptr}, post_self_attn_layernorm{nullptr};
  nn::RMSNorm post_attention_layernorm{nullptr}, post_mlp_layernorm{nullptr};
};
TORCH_MODULE(GlmImageTextDecoderLayer);

struct GlmImageTextModelImpl : torch::nn::Module {
  GlmImageTextModelImpl(const GeneratorConfig& config, const at::TensorOptions& options);
  /// ids [B, T] int64, position_ids [3, B, T] int64 → hidden states after the final norm,
  /// [B, T, hidden]. With a cache the tokens continue those that it holds, and it advances by T.
  Tensor forward(const Tensor& ids, const Tensor& position_ids, nn::KeyValueCache* cache) const;

  /// The parts of forward, for who wants what stands between them.
  /// ids [B, T] → x [B, T, hidden], what the first layer reads.
  Tensor embed(const Tensor& ids) const;
  /// x [B, T, hidden] through the layers first … end − 1. A cache is written, not advanced.
  Tensor through_layers(Tensor x,
                        const Tensor& position_ids,
                        nn::KeyValueCache* cache,
                        int64_t first,
                        int64_t end) const;
  /// What the last layer left, after the final norm.
  Tensor normed(const Tensor& x) const;

  const GeneratorConfig& config() const { return config_; }

 private:
  GeneratorConfig config_;
  nn::Embedding embed_tokens{nullptr};
  torch::nn::ModuleList layers{nullptr};
  nn::RMSNorm norm{nullptr};
};
TORCH_MODULE(GlmImageTextModel);

}  // namespace glm_image::models
