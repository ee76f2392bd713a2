#pragma once

#include "nn/modules.h"
#include "train/poster_feed.h"

namespace glm_image::train {

/// Which part of which pictogram every patch of side×side pixels shows: [3, H/side, W/side] int64,
/// −1 where no pictogram covers half of the patch, else
///   0: the pictogram's place in the data,
///   1, 2: the patch's row and column, counted from the pictogram's upper left corner.
Tensor pictograms_of_patches(const posters::PosterSource& source,
                             const PosterExample& example,
                             int64_t side);

/// Learns beside the DiT, and is not part of the model: it asks image tokens which part of which
/// pictogram belongs there.
///
/// One code fits parts of many pictograms; which one is meant is told by the codes around it. The
/// velocity's error hardly teaches to look there: as soon as a little of the picture shows through
/// the noise, this tells more. From pure noise, where sampling begins, it tells nothing.
struct PictogramReaderImpl : torch::nn::Module {
  PictogramReaderImpl(int64_t hidden_size, int64_t pictograms, const at::TensorOptions& options);

  struct Reading {
    Tensor loss;  ///< scalar float32: mean over the patches of pictograms; 0 where there are none
    /// [B, image tokens] float32, 0 or 1: patches of pictograms, and those of them whose pictogram,
    /// and whose row and column, are told right.
    Tensor shown, named_right, placed_right;
  };
  /// image_tokens [B, image tokens, hidden_size]; pictograms [B, 3, image tokens] as from
  /// pictograms_of_patches.
  Reading forward(const Tensor& image_tokens, const Tensor& pictograms);

  nn::Linear to_pictogram{nullptr}, to_row{nullptr}, to_column{nullptr};
};
TORCH_MODULE(PictogramReader);

}  // namespace glm_image::train
