#include "models/vision/vision_model.h"

#include "nn/functional.h"
#include "nn/group.h"

namespace glm_image::models {

GlmImageVisionBlockImpl::GlmImageVisionBlockImpl(const VisionConfig& config,
                                                 const at::TensorOptions& options)
    : heads_(config.num_heads) {
  const int64_t dim = config.hidden_size;
  norm1 = register_module("norm1", nn::LayerNorm(dim, config.layer_norm_eps, options));
  norm2 = register_module("norm2", nn::LayerNorm(dim, config.layer_norm_eps, options));
  const auto attn = register_module("attn", nn::group());
  qkv_ = attn->register_module("qkv", nn::Linear(dim, 3 * dim, options, config.attention_bias));
  proj_ = attn->register_module("proj", nn::Linear(dim, dim, options, config.attention_bias));
  const auto mlp = register_module("mlp", nn::group());
  fc1_ = mlp->register_module("fc1", nn::Linear(dim, config.intermediate_size, options));
  fc2_ = mlp->register_module("fc2", nn::Linear(config.intermediate_size, dim, options));
}

Tensor GlmImageVisionBlockImpl::forward(const Tensor& x) const {
  const int64_t batch = x.size(0), tokens = x.size(1), dim = x.size(2);
  const auto qkv = qkv_->forward(norm1->forward(x)).view({batch, tokens, 3, heads_, dim / heads_});
  const auto mixed = nn::attention(qkv.select(2, 0), qkv.select(2, 1), qkv.select(2, 2), {});
  const auto y = x + proj_->forward(mixed.reshape({batch, tokens, dim}));
  return y + fc2_->forward(at::gelu(fc1_->forward(norm2->forward(y))));
}

GlmImageVisionModelImpl::GlmImageVisionModelImpl(const VisionConfig& config,
                                                 const at::TensorOptions& options)
    : config_(config) {
  const int64_t dim = config.hidden_size, side = config.position_side, patch = config.patch_size;
  const auto embeddings = register_module("embeddings", nn::group());
  position_table_ =
      embeddings->register_module("position_embedding", nn::Embedding(side * side, dim, options));
  const auto patch_embed = register_module("patch_embed", nn::group());
  patch_projection_ = patch_embed->register_module(
      "proj",
      nn::Conv2d(config.in_channels,
                 dim,
                 nn::Conv2dImpl::Geometry{/*kernel=*/patch, /*stride=*/patch, /*padding=*/0},
                 options));
  blocks = register_module("blocks", nn::BlockList());
  for (int64_t i = 0; i < config.depth; ++i)
    blocks->push_back(GlmImageVisionBlock(config, options));
}

Tensor GlmImageVisionModelImpl::position_embedding(int64_t grid_height, int64_t grid_width) const {
  const auto& table = position_table_->weight;
  const int64_t side = config_.position_side;
  // grid_sampler has no bfloat16 form on the CPU.
  const auto image = table.to(at::kFloat).view({1, side, side, -1}).permute({0, 3, 1, 2});
  // Patch centres (i + ½)/n, in grid_sampler's units of −1 … 1.
  const auto centres = [&](int64_t n) {
    const auto options = at::TensorOptions().dtype(at::kFloat).device(table.device());
    return (at::arange(n, options) + 0.5) / n * 2 - 1;
  };
  const auto y = centres(grid_height).view({-1, 1}).expand({grid_height, grid_width});
  const auto x = centres(grid_width).view({1, -1}).expand({grid_height, grid_width});
  const auto where = at::stack({x, y}, -1).unsqueeze(0);  // [1, h, w, 2]
  constexpr int64_t kBilinear = 0, kBorder = 1;
  const auto sampled = at::grid_sampler(image, where, kBilinear, kBorder, /*align_corners=*/false);
  return sampled.squeeze(0).flatten(1).t().to(table.scalar_type());  // [h·w, hidden]
}

Tensor GlmImageVisionModelImpl::forward(const Tensor& pixel_patches,
                                        int64_t grid_height,
                                        int64_t grid_width) const {
  // A convolution whose kernel size equals its stride is a matrix product over patches.
  const auto& kernel = patch_projection_->weight;
  auto x = nn::linear(
      pixel_patches.to(kernel.scalar_type()), kernel.flatten(1), patch_projection_->bias);
  x = x + position_embedding(grid_height, grid_width);
  for (int64_t i = 0; i < config_.depth; ++i) {
    x = blocks->run<GlmImageVisionBlockImpl>(i,
                                             [&](const auto& block) { return block.forward(x); });
  }
  return x;
}

}  // namespace glm_image::models
