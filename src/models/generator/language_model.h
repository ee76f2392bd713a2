#pragma once

#include <utility>
#include <vector>

#include "models/generator/config.h"
#include "models/generator/generator_share.h"
#include "nn/block_list.h"
#include "nn/key_value_cache.h"
#include "nn/modules.h"

/// The autoregressive generator: GLM-4's decoder with three-axis rotary positions.
/// After transformers' models/glm_image/modeling_glm_image.py.
namespace glm_image::models {

/// cos and sin of the rotary angles, each [B, T, rotary_dim] float32, for positions [3, B, T]
/// (time, height, width). The frequencies θ^(−2i/d) are split among the three axes in contiguous
/// sections, not interleaved.
std::pair<Tensor, Tensor> rotary_angles(const Tensor& position_ids, const GeneratorConfig& config);

/// Grouped-query attention with causal mask; the first rotary_dim dimensions of a head are rotated.
struct GlmImageTextAttentionImpl : torch::nn::Module {
  GlmImageTextAttentionImpl(const GeneratorConfig& config,
                            const at::TensorOptions& options,
                            const GeneratorShard& shard);
  /// x [B, T, hidden] → [B, T, hidden]: of a shard, its part of the sum. If `cache` is null, x is
  /// the whole sequence.
  Tensor forward(const Tensor& x,
                 const Tensor& cos,
                 const Tensor& sin,
                 nn::KeyValueCache* cache,
                 int64_t layer) const;

 private:
  Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v) const;

  int64_t heads_, key_value_heads_, head_dim_;
  std::vector<int64_t> queries_;  ///< query heads of each key and value head
  nn::Linear q_proj{nullptr}, k_proj{nullptr}, v_proj{nullptr}, o_proj{nullptr};
};
TORCH_MODULE(GlmImageTextAttention);

/// down(silu(gate)·up), gate and up in one product.
struct GlmImageTextMLPImpl : torch::nn::Module {
  GlmImageTextMLPImpl(const GeneratorConfig& config,
                      const at::TensorOptions& options,
                      const GeneratorShard& shard);
  /// x [B, T, hidden] → [B, T, hidden]: of a shard, its part of the sum.
  Tensor forward(const Tensor& x) const;

 private:
  nn::Linear gate_up_proj{nullptr}, down_proj{nullptr};
};
TORCH_MODULE(GlmImageTextMLP);

/// x += norm(attention(norm(x))); x += norm(mlp(norm(x))).
struct GlmImageTextDecoderLayerImpl : torch::nn::Module {
  GlmImageTextDecoderLayerImpl(const GeneratorConfig& config,
                               const at::TensorOptions& options,
                               const GeneratorShard& shard);
  /// x [B, T, hidden] → [B, T, hidden]. `share`: null for the whole layer.
  Tensor forward(const Tensor& x,
                 const Tensor& cos,
                 const Tensor& sin,
                 nn::KeyValueCache* cache,
                 int64_t layer,
                 GeneratorShare* share) const;

 private:
  GlmImageTextAttention self_attn{nullptr};
  GlmImageTextMLP mlp{nullptr};
  nn::RMSNorm input_layernorm{nullptr}, post_self_attn_layernorm{nullptr};
  nn::RMSNorm post_attention_layernorm{nullptr}, post_mlp_layernorm{nullptr};
};
TORCH_MODULE(GlmImageTextDecoderLayer);

struct GlmImageTextModelImpl : torch::nn::Module {
  GlmImageTextModelImpl(const GeneratorConfig& config,
                        const at::TensorOptions& options,
                        const GeneratorShard& shard = {});
  /// ids [B, T] int64, position_ids [3, B, T] int64 → hidden states after the final norm,
  /// [B, T, hidden]. With a cache, the tokens follow those in the cache, which advances by T. A
  /// shard needs the `share` through which it reaches the others.
  Tensor forward(const Tensor& ids,
                 const Tensor& position_ids,
                 nn::KeyValueCache* cache,
                 GeneratorShare* share = nullptr) const;

  // The steps of forward, for callers that need intermediate results.

  /// ids [B, T] → x [B, T, hidden], the first layer's input.
  Tensor embed(const Tensor& ids) const;
  /// Applies the layers first … end − 1 to x [B, T, hidden]. Writes to the cache without advancing
  /// it.
  Tensor through_layers(Tensor x,
                        const Tensor& position_ids,
                        nn::KeyValueCache* cache,
                        int64_t first,
                        int64_t end,
                        GeneratorShare* share = nullptr) const;
  /// Applies the final norm to the last layer's output.
  Tensor normed(const Tensor& x) const;

  const GeneratorConfig& config() const { return config_; }
  /// Key and value heads of a layer, which a cache must hold.
  int64_t key_value_heads() const { return shard_ranges(config_, shard_).key_value_heads.count; }

 private:
  GeneratorConfig config_;
  GeneratorShard shard_;
  nn::Embedding embed_tokens{nullptr};
  nn::BlockList layers{nullptr};
  nn::RMSNorm norm{nullptr};
};
TORCH_MODULE(GlmImageTextModel);

}  // namespace glm_image::models
