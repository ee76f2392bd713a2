#pragma once

#include <vector>

#include "nn/modules.h"
#include "text/grid.h"

namespace glm_image::train {

/// Asks tokens in which row and column of its grid the next code will stand; in training alone.
///
/// Rotary positions tell distances, and nothing else says where a token is: it must learn this
/// from its distance to the prompt's end. As long as it does not know, it cannot know what the
/// prompt wants there, and codes alone, most of which repeat their neighbours, hardly teach it.
struct PositionReaderImpl : torch::nn::Module {
  PositionReaderImpl(int64_t hidden_size, const at::TensorOptions& options);

  struct Answered {
    Tensor loss;                       ///< the mean over all tokens
    Tensor rows_right, columns_right;  ///< shares
  };
  /// hidden [B, codes, dim] where the codes of all grids are predicted, one grid after the other.
  Answered forward(const Tensor& hidden, const std::vector<text::Grid>& grids);

  nn::Linear to_row{nullptr}, to_column{nullptr};
};
TORCH_MODULE(PositionReader);

}  // namespace glm_image::train
