#pragma once

#include <vector>

#include "nano/training/classifier_head.h"
#include "text/grid.h"

namespace glm_image::nano {

/// Number of row and column classes; later rows and columns count as the last. A preview grid has
/// at most as many rows and columns, unless its aspect ratio exceeds 4.
inline constexpr int64_t kMostTokens = 32;

/// Auxiliary head that predicts the row and column of visual tokens; used only in training.
///
/// Rotary positions encode only distances. A token must derive its absolute position from its
/// distance to fixed tokens. These are the end of the prompt in the generator and the unrotated
/// texts in the DiT. Without its position the token cannot find its content in the prompt, and the
/// loss on codes barely teaches it because most codes repeat their neighbours.
struct PositionReaderImpl : torch::nn::Module {
  PositionReaderImpl(int64_t hidden_size, const at::TensorOptions& options);

  struct Answered {
    Tensor loss;  ///< scalar: sum of the mean cross-entropies of rows and of columns
    Tensor rows_right, columns_right;  ///< scalars: accuracies
  };
  /// `hidden` [B, tokens, dim] holds the tokens of all grids, one grid after the other.
  Answered forward(const Tensor& hidden, const std::vector<text::Grid>& grids);

  ClassifierHead to_row{nullptr}, to_column{nullptr};
};
TORCH_MODULE(PositionReader);

}  // namespace glm_image::nano
