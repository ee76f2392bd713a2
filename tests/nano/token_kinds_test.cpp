#include "nano/training/token_kinds.h"

#include <gtest/gtest.h>

#include <set>

#include "nano/posters/arrangement.h"
#include "nano/posters/poster_data.h"
#include "nano/shared_source.h"
#include "nano/training/item_areas.h"
#include "nano/training/poster_feed.h"

namespace glm_image::nano {
namespace {

TEST(TokenKinds, FollowTheItems) {
  PosterFeed feed(test::poster_folder(), /*seed=*/7);
  const auto& data = feed.source().data();
  const text::Grid grid{8, 10};
  const int64_t side = text::kTokenSide;
  std::set<int64_t> seen;
  for (int64_t index = 0; index < 40; ++index) {
    const auto example = feed.example(index, grid.width * side, grid.height * side);
    const auto kinds = token_kinds(feed.source(), example.scene, example.layout, grid);
    ASSERT_EQ(kinds.sizes(), at::IntArrayRef({grid.size()}));
    const auto areas = item_areas(example.layout);
    std::set<int64_t> here;
    for (int64_t token = 0; token < grid.size(); ++token) {
      const auto kind = kinds[token].item<int64_t>();
      ASSERT_LT(kind, count_token_kinds(feed.source()));
      if (kind == 0) continue;
      here.insert(kind);
      const auto is_it = [&](const ItemArea& area) {
        const int64_t first = first_pictogram_kind(feed.source());
        const bool named = area.kind == posters::BoxKind::kPictogram
                               ? kind >= first && data.pictograms.all().at(kind - first).id ==
                                                      example.scene.pictograms[area.index].id
                               : kind < first && data.palette.colours().at(kind - 1).colour.id ==
                                                     example.scene.texts[area.index].colour.id;
        const auto x = static_cast<double>(token % grid.width * side);
        const auto y = static_cast<double>(token / grid.width * side);
        return named && area.x < x + side && x < area.x + area.width && area.y < y + side &&
               y < area.y + area.height;
      };
      EXPECT_TRUE(std::any_of(areas.begin(), areas.end(), is_it)) << index << ", token " << token;
    }
    EXPECT_GE(here.size(), std::max<size_t>(example.scene.pictograms.size(), 1)) << index;
    seen.insert(here.begin(), here.end());
  }
  EXPECT_GT(seen.size(), 20U);
}

TEST(TokenKinds, DependOnlyOnTheNumberOfLetters) {
  PosterFeed feed(test::poster_folder(), /*seed=*/8);
  posters::PosterSource::Options options;
  options.max_texts = 1;
  options.max_pictograms = 0;
  auto scene = feed.source().scene(1, posters::Split::kTraining, options);
  const text::Grid grid{8, 8};
  auto& item = scene.texts[0];
  item.style = "bold";
  item.font = "DejaVu Sans Mono";
  item.place = posters::Place::kCentre;
  for (const double size : posters::kTextSizes) {
    item.size = size;
    const auto kinds_of = [&](const std::string& text) {
      item.text = text;
      item.lines = {text};
      return token_kinds(feed.source(), scene, feed.renderer().layout(scene, 256, 256), grid);
    };
    EXPECT_TRUE(at::equal(kinds_of("nanan"), kinds_of("Ɗĩgjl")));
    EXPECT_FALSE(at::equal(kinds_of("nanan"), kinds_of("nan")));
  }
}

TEST(KindChanges, MarkStartsAndEndsOfItemsInARow) {
  const auto kinds = torch::tensor({{0, 5, 5, 0}, {7, 7, 5, 5}, {0, 0, 0, 0}});
  const auto expected = torch::tensor({{0, 1, 0, 1}, {1, 0, 1, 0}, {0, 0, 0, 0}});
  EXPECT_TRUE(
      at::equal(kind_changes(kinds.view({1, 12}), 3, 4).to(at::kLong), expected.view({1, 12})));
}

TEST(ChangeWeights, AreHighAtChangesAndAtTheFirstToken) {
  const auto kinds = torch::tensor({0, 5, 5, 0, 7, 7, 5, 5, 0, 0, 0, 0});
  const auto expected = torch::tensor({3, 3, 1, 3, 3, 1, 3, 1, 1, 1, 1, 1}, at::kFloat);
  EXPECT_TRUE(at::equal(change_weights(kinds, {3, 4}, /*change_weight=*/3), expected));
  EXPECT_TRUE(at::equal(change_weights(kinds, {3, 4}, /*change_weight=*/1), at::ones({12})));
}

TEST(KindStarts, MarkTheFirstTokensOfItems) {
  const auto kinds = torch::tensor({{0, 5, 5, 0}, {7, 7, 5, 5}, {7, 0, 0, 3}});
  const auto expected = torch::tensor({{0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 1}});
  EXPECT_TRUE(
      at::equal(kind_starts(kinds.view({1, 12}), 3, 4).to(at::kLong), expected.view({1, 12})));
}

}  // namespace
}  // namespace glm_image::nano
