#pragma once

#include <functional>

#include "models/autoencoder/autoencoder_kl.h"

namespace glm_image::train {

struct VaeReconstructionBatch {
  Tensor pictures;           ///< [B, 3, H, W] float32, −1 … 1, channels last
  Tensor noise = {};         ///< [B, C, h, w] float32, standard normal noise for the posterior
                             ///< sample; undefined: its mean
  Tensor latent_noise = {};  ///< [B, C, h, w] float32, added to the latents in units of their
                             ///< standard deviation; undefined: none
  Tensor weights = {};       ///< [B, 1, H, W] float32 loss weights; undefined: 1
  /// Adds the rows of other ranks, for the latents' deviation; empty: these are all rows.
  std::function<Tensor(const Tensor& own)> all_rows = {};
};

struct VaeReconstructionWeights {
  double absolute = 1, squared = 1, edge = 1, kl = 1e-3;
};

struct VaeReconstructionOptions {
  VaeReconstructionWeights weights;
  at::ScalarType encoder_type = at::kFloat, decoder_type = at::kFloat;
  bool train_encoder = true;
};

struct VaeReconstructionResult {
  Tensor loss;         ///< scalar float32
  Tensor kl;           ///< scalar float32, per element of the latents
  Tensor edge;         ///< scalar float32
  Tensor mean_square;  ///< scalar float32, unweighted, detached
};

/// Reconstruction of pictures by the VAE (Kingma and Welling 2014).
class VaeReconstruction {
 public:
  VaeReconstruction(models::AutoencoderKL model, VaeReconstructionOptions options);

  /// loss = absolute·mean w|x̂ − x| + squared·mean w(x̂ − x)² + edge·mean w|∇x̂ − ∇x| + kl·KL. w are
  /// the batch's weights; ∇ takes differences to the right and down.
  VaeReconstructionResult loss(const VaeReconstructionBatch& batch) const;

 private:
  models::AutoencoderKL model_;
  VaeReconstructionOptions options_;
};

}  // namespace glm_image::train
