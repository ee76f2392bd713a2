#pragma once

#include "models/vision/config.h"
#include "nn/modules.h"

namespace glm_image::models {

/// The codebook that turns vision features into visual token ids.
/// After transformers' models/glm_image/modeling_glm_image.py (GlmImageVQVAE).
struct GlmImageVQModelImpl : torch::nn::Module {
  GlmImageVQModelImpl(const VqConfig& config, const at::TensorOptions& options);

  /// features [N, latent_channels] → ids of the nearest codes, [N] int64. Vectors and codes are
  /// both L2-normalised before the comparison; omitting either gives different ids.
  Tensor encode(const Tensor& features) const;

  // The steps of encode, for training.

  /// features [N, latent_channels] → unit vectors [N, embed_dim] float32.
  Tensor vectors(const Tensor& features) const;
  /// The codebook as unit vectors, [codes, embed_dim] float32.
  Tensor codes() const;
  /// Returns the index of the nearest code for each vector, [N] int64.
  static Tensor nearest(const Tensor& vectors, const Tensor& codes);
  /// codes [N, embed_dim] → features [N, latent_channels].
  Tensor features_of(const Tensor& code_vectors) const;
  nn::Embedding codebook() const { return codebook_; }

 private:
  nn::Conv2d quant_conv{nullptr}, post_quant_conv{nullptr};
  nn::Embedding codebook_{nullptr};
};
TORCH_MODULE(GlmImageVQModel);

}  // namespace glm_image::models
