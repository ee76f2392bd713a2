#include "train/token_kinds.h"

#include <gtest/gtest.h>

#include <set>

#include "posters/poster_data.h"
#include "posters/shared_source.h"
#include "train/poster_feed.h"

namespace glm_image::train {
namespace {

TEST(TokenKinds, AreThoseOfTheItemsThatStandThere) {
  PosterFeed feed(test::poster_folder(), /*seed=*/7);
  const auto& data = feed.source().data();
  const text::Grid grid{8, 10};
  const int64_t side = text::kPixelsPerToken;
  std::set<int64_t> seen;
  for (int64_t index = 0; index < 40; ++index) {
    const auto example = feed.example(index, grid.width * side, grid.height * side);
    const auto kinds = token_kinds(feed.source(), example.scene, example.layout, grid);
    ASSERT_EQ(kinds.sizes(), at::IntArrayRef({grid.size()}));
    std::set<int64_t> here;
    for (int64_t token = 0; token < grid.size(); ++token) {
      const auto kind = kinds[token].item<int64_t>();
      ASSERT_LT(kind, count_token_kinds(feed.source()));
      if (kind == 0) continue;
      here.insert(kind);
      const auto is_it = [&](const posters::ItemBox& box) {
        const int64_t first = first_pictogram_kind(feed.source());
        const bool named = box.kind == posters::BoxKind::kPictogram
                               ? kind >= first && data.pictograms.all().at(kind - first).id ==
                                                      example.scene.pictograms[box.index].id
                               : kind < first && data.palette.colours().at(kind - 1).colour.id ==
                                                     example.scene.texts[box.index].colour.id;
        return named && overlap_of_cell(token / grid.width, side, box.y, box.height) > 0 &&
               overlap_of_cell(token % grid.width, side, box.x, box.width) > 0;
      };
      const auto& boxes = example.layout.boxes;
      EXPECT_TRUE(std::any_of(boxes.begin(), boxes.end(), is_it)) << index << ", token " << token;
    }
    EXPECT_GE(here.size(), std::max<size_t>(example.scene.pictograms.size(), 1)) << index;
    seen.insert(here.begin(), here.end());
  }
  EXPECT_GT(seen.size(), 20U);
}

TEST(KindChanges, AreWhereAnItemBeginsInARowOrHasEnded) {
  const auto kinds = torch::tensor({{0, 5, 5, 0}, {7, 7, 5, 5}, {0, 0, 0, 0}});
  const auto expected = torch::tensor({{0, 1, 0, 1}, {1, 0, 1, 0}, {0, 0, 0, 0}});
  EXPECT_TRUE(
      at::equal(kind_changes(kinds.view({1, 12}), 3, 4).to(at::kLong), expected.view({1, 12})));
}

TEST(KindStarts, AreWhereAnItemIsMetFirst) {
  const auto kinds = torch::tensor({{0, 5, 5, 0}, {7, 7, 5, 5}, {7, 0, 0, 3}});
  const auto expected = torch::tensor({{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}});
  EXPECT_TRUE(
      at::equal(kind_starts(kinds.view({1, 12}), 3, 4).to(at::kLong), expected.view({1, 12})));
}

}  // namespace
}  // namespace glm_image::train
