#pragma once

#include <utility>
#include <vector>

#include "models/transformer/config.h"
#include "models/transformer/step_cache.h"
#include "models/transformer/token_share.h"
#include "nn/block_list.h"
#include "nn/modules.h"

/// The DiT decoder: a single-stream diffusion transformer over [text tokens, image tokens].
/// After diffusers' models/transformers/transformer_glm_image.py.
namespace glm_image::models {

/// Keys and values (after norm and rotary) of the condition pictures, for every block. The picture
/// that is denoised attends to them in addition to its own.
class ConditionCache {
 public:
  explicit ConditionCache(int64_t blocks) : keys_(blocks), values_(blocks) {}
  /// Appends the tokens [B, T, H, D] of one more picture.
  void append(int64_t block, const Tensor& k, const Tensor& v);
  /// Returns [cached, own] keys and values of one block.
  std::pair<Tensor, Tensor> prepend_to(int64_t block, const Tensor& k, const Tensor& v) const;

 private:
  std::vector<Tensor> keys_, values_;
};

/// cos(t·f), sin(t·f) with f_i = 10000^(−i/half): [N] float32 → [N, dim], cosines first.
Tensor sinusoid(const Tensor& t, int64_t dim);

/// cos and sin, each [rows·columns, head_dim] float32, of the rotary angles of an image grid:
/// head_dim/4 frequencies each for the row and the column, in half-split form.
std::pair<Tensor, Tensor> image_rotary_angles(int64_t rows,
                                              int64_t columns,
                                              int64_t head_dim,
                                              const at::Device& device);

/// Joint attention of text and image tokens; q and k are normalised per head.
struct GlmImageAttentionImpl : torch::nn::Module {
  GlmImageAttentionImpl(const TransformerConfig& config, const at::TensorOptions& options);
  /// Inputs that the attention of all blocks shares.
  struct Context {
    Tensor cos, sin;          ///< rotary angles of the image tokens
    int64_t text_tokens = 0;  ///< they come first and are not rotated
    Tensor key_mask;          ///< [B, T] bool, or undefined if all tokens may be attended to
    const ConditionCache* read = nullptr;
    ConditionCache* write = nullptr;
    TokenShare* share = nullptr;  ///< if set, x holds this rank's image tokens only
    int64_t image_tokens = 0;     ///< of all ranks
  };
  Tensor forward(const Tensor& x, const Context& context, int64_t block) const;

 private:
  int64_t heads_, head_dim_;
  nn::Linear to_q{nullptr}, to_k{nullptr}, to_v{nullptr}, to_out_{nullptr};
  nn::ProjectedAttention attention_;
};
TORCH_MODULE(GlmImageAttention);

struct GlmImageTransformerBlockImpl : torch::nn::Module {
  GlmImageTransformerBlockImpl(const TransformerConfig& config, const at::TensorOptions& options);
  /// x [B, text + image, hidden], temb [B, time_embed_dim] → like x.
  Tensor forward(const Tensor& x,
                 const Tensor& temb,
                 const GlmImageAttentionImpl::Context& context,
                 int64_t block) const;

 private:
  nn::Linear modulation_{nullptr};
  GlmImageAttention attn1{nullptr};
  nn::FeedForward ff{nullptr};
};
TORCH_MODULE(GlmImageTransformerBlock);

/// Inputs of one DiT evaluation. H and W count latent cells; patches are p×p of them.
struct TransformerInput {
  Tensor latents;      ///< [B, C, H, W]
  Tensor glyphs;       ///< [B, text tokens, text_embed_dim]; 0 tokens for a condition picture
  Tensor glyph_mask;   ///< [B, text tokens] bool, or undefined if none is padding
  Tensor prior_ids;    ///< [B, (H/p)·(W/p)] int64, one visual token per patch
  Tensor prior_drop;   ///< [B] bool: the prior's embedding is zeroed before its projector
  Tensor timestep;     ///< [B] float32, t − 1, unshifted (diffusion/flow_match.h)
  Tensor target_size;  ///< [B, 2] float32, height and width in pixels
  Tensor crop;         ///< [B, 2] float32
  const ConditionCache* read = nullptr;
  ConditionCache* write = nullptr;
  /// If set, blocks after the first reuse their output of an earlier step where it is close enough.
  StepCache* step_cache = nullptr;
  /// If set, this rank computes its own image tokens only; the output is that of all. Not together
  /// with `write`, `glyph_mask` and `step_cache`.
  TokenShare* token_share = nullptr;
  /// Receives the output of every block, [B, text + image tokens, hidden], for training.
  std::vector<Tensor>* block_outputs = nullptr;
  /// Whether the backward pass evaluates each block again (nn/recompute.h). What `read` points to
  /// must then live until the backward pass. The conditioning must need no gradient.
  bool recompute_blocks = false;
};

struct GlmImageTransformer2DModelImpl : torch::nn::Module {
  GlmImageTransformer2DModelImpl(const TransformerConfig& config, const at::TensorOptions& options);

  /// Velocity, [B, C, H, W], in the type of the weights.
  Tensor forward(const TransformerInput& input) const;
  const TransformerConfig& config() const { return config_; }

 private:
  Tensor conditioning(const TransformerInput& input) const;
  Tensor image_tokens(const TransformerInput& input) const;
  /// x [B, text + image, hidden] through all blocks, or as many as the step cache wants.
  Tensor blocks(Tensor x,
                const Tensor& temb,
                const GlmImageAttentionImpl::Context& context,
                const TransformerInput& input) const;
  at::ScalarType dtype() const;

  TransformerConfig config_;
  nn::Linear patch_projection_{nullptr};
  nn::FeedForward glyph_projector{nullptr}, prior_projector{nullptr};
  nn::Embedding prior_token_embedding{nullptr};
  nn::Linear time_1_{nullptr}, time_2_{nullptr}, condition_1_{nullptr}, condition_2_{nullptr};
  nn::BlockList transformer_blocks{nullptr};
  nn::Linear out_modulation_{nullptr}, proj_out{nullptr};
};
TORCH_MODULE(GlmImageTransformer2DModel);

}  // namespace glm_image::models
