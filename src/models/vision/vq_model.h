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

 private:
  nn::Conv2d quant_conv{nullptr}, post_quant_conv{nullptr};
  nn::Embedding codebook_{nullptr};
};
TORCH_MODULE(GlmImageVQModel);

}  // namespace glm_image::models
