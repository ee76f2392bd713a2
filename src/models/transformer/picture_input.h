#pragma once

#include "models/transformer/transformer_model.h"

namespace glm_image::models {

/// The input of a DiT evaluation as far as it follows from latents [B, C, H, W] and visual tokens
/// prior_ids [B, patches]: uncropped pictures of height×width pixels. The caller sets glyphs,
/// timestep and prior_drop.
inline TransformerInput picture_input(const Tensor& latents,
                                      const Tensor& prior_ids,
                                      int64_t height,
                                      int64_t width) {
  const auto batch = latents.size(0);
  const auto device = latents.device();
  TransformerInput input;
  input.latents = latents;
  input.prior_ids = prior_ids;
  input.target_size = torch::tensor({static_cast<float>(height), static_cast<float>(width)})
                          .expand({batch, 2})
                          .to(device);
  input.crop = at::zeros({batch, 2}).to(device);
  return input;
}

}  // namespace glm_image::models
