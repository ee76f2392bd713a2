#include "nano/training/position_reader.h"

namespace glm_image::nano {

PositionReaderImpl::PositionReaderImpl(int64_t hidden_size, const at::TensorOptions& options)
    : to_row(register_module(
          "to_row", ClassifierHead(hidden_size, std::vector<int64_t>{kMostTokens}, options))),
      to_column(register_module(
          "to_column", ClassifierHead(hidden_size, std::vector<int64_t>{kMostTokens}, options))) {}

PositionReaderImpl::Answered PositionReaderImpl::forward(const Tensor& hidden,
                                                         const std::vector<text::Grid>& grids) {
  std::vector<Tensor> rows, columns;
  for (const auto& grid : grids) {
    const auto tokens =
        at::arange(grid.size(), at::TensorOptions(at::kLong).device(hidden.device()));
    rows.push_back(at::floor_divide(tokens, grid.width));
    columns.push_back(tokens.remainder(grid.width));
  }
  const auto ask = [&](const ClassifierHead& head, const std::vector<Tensor>& of_grids) {
    const auto wanted = at::cat(of_grids).clamp_max(kMostTokens - 1).expand({hidden.size(0), -1});
    return classify(head->normed_logits(hidden).front(), wanted.flatten());
  };
  const auto row = ask(to_row, rows), column = ask(to_column, columns);
  return {row.loss() + column.loss(), row.accuracy(), column.accuracy()};
}

}  // namespace glm_image::nano
