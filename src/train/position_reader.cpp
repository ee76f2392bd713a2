#include "train/position_reader.h"

#include "train/scene_questions.h"

namespace glm_image::train {

PositionReaderImpl::PositionReaderImpl(int64_t hidden_size, const at::TensorOptions& options)
    : to_row(register_module("to_row", nn::Linear(hidden_size, kMostTokens, options))),
      to_column(register_module("to_column", nn::Linear(hidden_size, kMostTokens, options))) {}

PositionReaderImpl::Answered PositionReaderImpl::forward(const Tensor& hidden,
                                                         const std::vector<text::Grid>& grids) {
  std::vector<Tensor> rows, columns;
  for (const auto& grid : grids) {
    const auto tokens =
        at::arange(grid.size(), at::TensorOptions(at::kLong).device(hidden.device()));
    rows.push_back(at::floor_divide(tokens, grid.width));
    columns.push_back(tokens.remainder(grid.width));
  }
  const auto normed = at::layer_norm(hidden, {hidden.size(2)});
  const auto ask = [&](nn::Linear& to_position, const std::vector<Tensor>& of_grids) {
    // Beyond the kMostTokens-th a token counts as that one.
    const auto wanted = at::cat(of_grids).clamp_max(kMostTokens - 1).expand({hidden.size(0), -1});
    const auto logits = to_position->forward(normed).to(at::kFloat).flatten(0, 1);
    const auto right = (logits.detach().argmax(1) == wanted.flatten()).to(at::kFloat).mean();
    return std::make_pair(at::cross_entropy_loss(logits, wanted.flatten()), right);
  };
  const auto [row_loss, rows_right] = ask(to_row, rows);
  const auto [column_loss, columns_right] = ask(to_column, columns);
  return {row_loss + column_loss, rows_right, columns_right};
}

}  // namespace glm_image::train
