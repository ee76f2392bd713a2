#pragma once

#include <vector>

#include "nn/modules.h"
#include "text/grid.h"

namespace glm_image::train {

/// Asks the tokens of grids for row and column; in training alone.
///
/// Rotary positions tell distances, and nothing else says where a token is: it must learn this
/// from its distance to tokens that stand still (the generator's from the prompt's end, the DiT's
/// from the texts, which are not rotated). As long as it does not know, it cannot know what is
/// wanted there, and codes alone, most of which repeat their neighbours, hardly teach it.
struct PositionReaderImpl : torch::nn::Module {
  PositionReaderImpl(int64_t hidden_size, const at::TensorOptions& options);

  struct Answered {
    Tensor loss;                       ///< the mean over all tokens
    Tensor rows_right, columns_right;  ///< shares
  };
  /// hidden [B, tokens, dim] where the tokens of all grids are made, one grid after the other.
  Answered forward(const Tensor& hidden, const std::vector<text::Grid>& grids);

  nn::Linear to_row{nullptr}, to_column{nullptr};
};
TORCH_MODULE(PositionReader);

}  // namespace glm_image::train
