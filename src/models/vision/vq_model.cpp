#include "models/vision/vq_model.h"

#include <algorithm>

#include "nn/functional.h"

namespace glm_image::models {
namespace {

/// Maximum size of the four distance matrices that exist at the same time.
constexpr int64_t kMaxDistanceBytes = int64_t{256} << 20;

Tensor l2_normalise(const Tensor& x) {
  return x / x.norm(2, {-1}, /*keepdim=*/true).clamp_min(1e-12);
}

}  // namespace

GlmImageVQModelImpl::GlmImageVQModelImpl(const VqConfig& config, const at::TensorOptions& options) {
  const nn::Conv2dImpl::Geometry pointwise{/*kernel=*/1, /*stride=*/1, /*padding=*/0};
  quant_conv = register_module(
      "quant_conv", nn::Conv2d(config.latent_channels, config.embed_dim, pointwise, options));
  // The projection from codes back to features: in the checkpoint, but used only in training.
  post_quant_conv = register_module(
      "post_quant_conv", nn::Conv2d(config.embed_dim, config.latent_channels, pointwise, options));
  const auto quantize = register_module("quantize", std::make_shared<torch::nn::Module>());
  codebook_ = quantize->register_module(
      "embedding", nn::Embedding(config.num_embeddings, config.embed_dim, options));
}

Tensor GlmImageVQModelImpl::vectors(const Tensor& features) const {
  const auto projected = nn::linear(features.to(quant_conv->weight.scalar_type()),
                                    quant_conv->weight.flatten(1),
                                    quant_conv->bias);
  return l2_normalise(projected.to(at::kFloat));
}

Tensor GlmImageVQModelImpl::codes() const {
  return l2_normalise(codebook_->weight.to(at::kFloat));
}

Tensor GlmImageVQModelImpl::nearest(const Tensor& vectors, const Tensor& codes) {
  // ‖z‖² + ‖e‖² − 2·z·e, in the reference's form. For unit vectors the first two terms only add
  // rounding errors, but these resolve ties as in the reference.
  const auto code_lengths = codes.pow(2).sum(1);
  const int64_t rows_at_once =
      std::max<int64_t>(kMaxDistanceBytes / (4 * codes.size(0) * codes.element_size()), 1);
  std::vector<Tensor> found;
  for (const auto& rows : vectors.split(rows_at_once)) {
    const auto distances =
        rows.pow(2).sum(1, /*keepdim=*/true) + code_lengths - 2 * at::matmul(rows, codes.t());
    found.push_back(distances.argmin(1));
  }
  return at::cat(found);
}

Tensor GlmImageVQModelImpl::encode(const Tensor& features) const {
  return nearest(vectors(features), codes());
}

Tensor GlmImageVQModelImpl::features_of(const Tensor& code_vectors) const {
  return nn::linear(code_vectors.to(post_quant_conv->weight.scalar_type()),
                    post_quant_conv->weight.flatten(1),
                    post_quant_conv->bias);
}

}  // namespace glm_image::models
