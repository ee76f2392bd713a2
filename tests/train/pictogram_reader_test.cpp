#include "train/pictogram_reader.h"

#include <gtest/gtest.h>

#include "nn/parameter.h"
#include "posters/poster_data.h"
#include "posters/shared_source.h"

namespace glm_image::train {
namespace {

constexpr int64_t kSide = 16;

TEST(PictogramsOfPatches, LieWhereThePictogramsAre) {
  PosterFeed feed(test::poster_folder(), /*seed=*/5);
  const auto& all = feed.source().data().pictograms.all();
  auto example = feed.example(0, 256, 192);
  example.scene.pictograms.resize(2);
  example.scene.pictograms[0].id = all[7].id;
  example.scene.pictograms[1].id = all[3].id;
  example.layout.boxes = {{posters::BoxKind::kText, 0, 0, 0, 256, 32},
                          {posters::BoxKind::kPictogram, 0, 32, 64, 40, 24},
                          // Less than half of every patch.
                          {posters::BoxKind::kPictogram, 1, 167, 103, 18, 18}};
  const auto pictograms = pictograms_of_patches(feed.source(), example, kSide);
  ASSERT_EQ(pictograms.sizes(), at::IntArrayRef({3, 12, 16}));
  auto expected = at::full({3, 12, 16}, -1, at::kLong);
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t column = 0; column < 3; ++column) {
      // The last patch is covered by a half in one direction and a half in the other.
      if (row == 1 && column == 2) continue;
      expected[0][4 + row][2 + column] = 7;
      expected[1][4 + row][2 + column] = row;
      expected[2][4 + row][2 + column] = column;
    }
  }
  EXPECT_TRUE(at::equal(pictograms, expected)) << pictograms;
}

/// Image tokens that say in their first values which pictogram, row and column they show.
TEST(PictogramReader, AsksPatchesOfPictogramsOnly) {
  at::NoGradGuard no_grad;
  constexpr int64_t kHidden = 64, kPictograms = 10;
  PictogramReader reader(kHidden, kPictograms, at::TensorOptions(at::kFloat));
  nn::materialize(*reader);
  auto names = reader->to_pictogram->weight;
  auto rows = reader->to_row->weight, columns = reader->to_column->weight;
  for (int64_t i = 0; i < kPictograms; ++i) {
    names[i][i].fill_(5);
    rows[i][10 + i].fill_(5);
    columns[i][20 + i].fill_(5);
  }
  const auto pictograms =
      torch::tensor({{{-1, 4, 4, 9}, {-1, 0, 0, 3}, {-1, 0, 1, 2}}}).to(at::kLong);
  auto tokens = at::zeros({1, 4, kHidden});
  for (int64_t i = 1; i < 4; ++i) {
    for (int64_t which = 0; which < 3; ++which) {
      tokens[0][i][10 * which + pictograms[0][which][i].item<int64_t>()].fill_(1);
    }
  }
  const auto told = reader->forward(tokens, pictograms);
  EXPECT_LT(told.loss.item<float>(), 1e-3F);
  const auto shown = torch::tensor({{0.0F, 1.0F, 1.0F, 1.0F}});
  EXPECT_TRUE(at::equal(told.shown, shown));
  EXPECT_TRUE(at::equal(told.named_right, shown));
  EXPECT_TRUE(at::equal(told.placed_right, shown));

  // Of the right pictogram two tokens say the same part.
  tokens[0][2] = tokens[0][1];
  const auto mistaken = reader->forward(tokens, pictograms);
  EXPECT_TRUE(at::equal(mistaken.named_right, shown));
  EXPECT_TRUE(at::equal(mistaken.placed_right, torch::tensor({{0.0F, 1.0F, 0.0F, 1.0F}})));
  EXPECT_GT(mistaken.loss.item<float>(), 1.0F);

  EXPECT_EQ(reader->forward(tokens, at::full({1, 3, 4}, -1, at::kLong)).loss.item<float>(), 0.0F);
}

}  // namespace
}  // namespace glm_image::train
