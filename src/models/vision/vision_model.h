#pragma once

#include "models/vision/config.h"
#include "nn/block_list.h"
#include "nn/modules.h"

/// The vision encoder: a plain ViT over the patches of one picture of any shape.
/// After transformers' models/glm_image/modeling_glm_image.py (GlmImageVisionModel).
namespace glm_image::models {

/// x += attn(norm1(x)); x += mlp(norm2(x)), exact GELU, full attention inside the picture.
struct GlmImageVisionBlockImpl : torch::nn::Module {
  GlmImageVisionBlockImpl(const VisionConfig& config, const at::TensorOptions& options);
  Tensor forward(const Tensor& x) const;  ///< [B, N, hidden] → [B, N, hidden]

 private:
  int64_t heads_;
  nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  nn::Linear qkv_{nullptr}, proj_{nullptr}, fc1_{nullptr}, fc2_{nullptr};
};
TORCH_MODULE(GlmImageVisionBlock);

struct GlmImageVisionModelImpl : torch::nn::Module {
  GlmImageVisionModelImpl(const VisionConfig& config, const at::TensorOptions& options);

  /// pixel_patches [B, h·w, 3·P·P] float, normalised, row-major, each patch channel-first →
  /// features [B, h·w, hidden]. There is no final norm.
  Tensor forward(const Tensor& pixel_patches, int64_t grid_height, int64_t grid_width) const;

 private:
  /// The S×S position table sampled bilinearly at the centres of an h×w grid, [h·w, hidden].
  Tensor position_embedding(int64_t grid_height, int64_t grid_width) const;

  VisionConfig config_;
  nn::Embedding position_table_{nullptr};
  nn::Conv2d patch_projection_{nullptr};
  nn::BlockList blocks{nullptr};
};
TORCH_MODULE(GlmImageVisionModel);

}  // namespace glm_image::models
