#include "nano/training/position_reader.h"

#include <gtest/gtest.h>

#include "nn/parameter.h"

namespace glm_image::nano {
namespace {

/// A hidden state whose first values encode the row and the column.
TEST(PositionReader, PredictsRowAndColumnInEachGrid) {
  at::NoGradGuard no_grad;
  constexpr int64_t kHidden = 64;
  PositionReader reader(kHidden, at::TensorOptions(at::kFloat));
  nn::materialize(*reader);
  auto rows = reader->to_row->weight, columns = reader->to_column->weight;
  for (int64_t i = 0; i < 32; ++i) {
    rows[i][i].fill_(5);
    columns[i][32 + i].fill_(5);
  }
  const std::vector<text::Grid> grids{{2, 3}, {1, 2}};
  const std::vector<std::pair<int64_t, int64_t>> places{
      {0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {0, 0}, {0, 1}};
  auto hidden = at::zeros({1, static_cast<int64_t>(places.size()), kHidden});
  for (size_t i = 0; i < places.size(); ++i) {
    auto token = hidden[0][static_cast<int64_t>(i)];
    token[places[i].first].fill_(1);
    token[32 + places[i].second].fill_(1);
  }
  const auto answered = reader->forward(hidden, grids);
  EXPECT_EQ(answered.rows_right.item<float>(), 1.0F);
  EXPECT_EQ(answered.columns_right.item<float>(), 1.0F);
  EXPECT_LT(answered.loss.item<float>(), 1e-3F);

  const auto mistaken = reader->forward(hidden.roll(1, 1), grids);
  EXPECT_LT(mistaken.columns_right.item<float>(), 0.5F);
  EXPECT_GT(mistaken.loss.item<float>(), 1.0F);
}

}  // namespace
}  // namespace glm_image::nano
