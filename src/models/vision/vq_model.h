#pragma once

#include "models/vision/config.h"
#include "nn/modules.h"

namespace glm_image::models {

/// The codebook that turns vision features into visual token ids.
/// After transformers' models/glm_image/modeling_glm_image.py (GlmImageVQVAE).
struct GlmImageVQModelImpl : torch::nn::Module {
  GlmImageVQModelImpl(const VqConfig& config, const at::TensorOptions& options);

  /// features [N, latent_channels] → ids of the nearest codes, [N] int64. Vectors and codes are
  /// both L2-normalised before they are compared; skipping either gives other ids.
  Tensor encode(const Tensor& features) const;

  /// The steps of it, for training: features → unit vectors, [N, embed_dim] float32; the codebook's
  /// unit vectors, [codes, embed_dim] float32; and the nearest of them to each vector.
  Tensor vectors(const Tensor& features) const;
  Tensor codes() const;
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
