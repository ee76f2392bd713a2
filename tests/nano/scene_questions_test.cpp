#include "nano/training/scene_questions.h"

#include <gtest/gtest.h>

#include <map>

#include "nano/posters/poster_data.h"
#include "nano/shared_source.h"
#include "nano/training/item_areas.h"
#include "nano/training/poster_feed.h"
#include "nano/training/token_kinds.h"

namespace glm_image::nano {
namespace {

TEST(SceneAnswers, DescribeEveryPlaceAndTheBackground) {
  PosterFeed feed(test::poster_folder(), /*seed=*/9);
  const auto& data = feed.source().data();
  const auto& colours = data.palette.colours();
  const auto counts = count_scene_answers(feed.source());
  const int64_t edges_begin = count_kind_questions();
  ASSERT_EQ(edges_begin, posters::kPlaceCount + 2);
  ASSERT_EQ(counts.size(), edges_begin + 6U * posters::kPlaceCount);
  const text::Grid grid{8, 8};
  int64_t gradients = 0;
  for (int64_t index = 0; index < 60; ++index) {
    const auto example = feed.example(index, 256, 256);
    const auto& scene = example.scene;
    const auto answers = scene_answers(feed.source(), scene, example.layout, grid);
    ASSERT_EQ(answers.sizes(), at::IntArrayRef({static_cast<int64_t>(counts.size())}));
    const auto answer = [&](auto question) {
      return answers[static_cast<int64_t>(question)].item<int64_t>();
    };
    size_t items = 0;
    for (int64_t question = 0; question < edges_begin; ++question) {
      EXPECT_GE(answer(question), 0);
      EXPECT_LT(answer(question), counts[question]);
      items += question < posters::kPlaceCount && answer(question) > 0 ? 1 : 0;
    }
    EXPECT_EQ(items, scene.texts.size() + scene.pictograms.size());
    for (const auto& item : scene.texts) {
      EXPECT_EQ(colours.at(answer(item.place) - 1).colour.id, item.colour.id);
    }
    const int64_t first = first_pictogram_kind(feed.source());
    for (const auto& item : scene.pictograms) {
      EXPECT_EQ(data.pictograms.all().at(answer(item.place) - first).id, item.id);
    }
    EXPECT_EQ(colours.at(answer(posters::kPlaceCount)).colour.id, scene.background.first.id);
    const auto of_tokens = areas_of_tokens(example.layout, grid);
    for (const auto& area : of_tokens) {
      if (!area) continue;
      const auto place = area->kind == posters::BoxKind::kText
                             ? scene.texts.at(area->index).place
                             : scene.pictograms.at(area->index).place;
      int64_t first_column = 8, last_column = -1, first_row = 8, last_row = -1;
      std::map<int64_t, int64_t> last_in_row;
      for (int64_t token = 0; token < grid.size(); ++token) {
        const auto& other = of_tokens[static_cast<size_t>(token)];
        if (!other || other->kind != area->kind || other->index != area->index) continue;
        first_column = std::min(first_column, token % 8);
        last_column = std::max(last_column, token % 8);
        first_row = std::min(first_row, token / 8);
        last_row = std::max(last_row, token / 8);
        auto& last = last_in_row.emplace(token / 8, 0).first->second;
        last = std::max(last, token % 8);
      }
      const int64_t of_item = edges_begin + 6 * static_cast<int64_t>(place);
      EXPECT_EQ(answer(of_item), first_column) << index;
      EXPECT_EQ(answer(of_item + 1), last_column) << index;
      EXPECT_EQ(answer(of_item + 2), first_row) << index;
      EXPECT_EQ(answer(of_item + 3), last_row) << index;
      EXPECT_EQ(answer(of_item + 4), last_in_row.at(first_row)) << index;
      EXPECT_EQ(answer(of_item + 5), last_in_row.at(last_row)) << index;
    }
    for (int64_t place = 0; place < posters::kPlaceCount; ++place) {
      const bool is_empty = answer(place) == 0;
      for (int64_t edge = 0; edge < 6; ++edge) {
        EXPECT_EQ(answer(edges_begin + 6 * place + edge) == kNoAnswer, is_empty) << index;
      }
    }
    const auto second = answer(posters::kPlaceCount + 1);
    ASSERT_EQ(second > 0, scene.background.second.has_value());
    if (second > 0) {
      EXPECT_EQ(colours.at(second - 1).colour.id, scene.background.second->id);
      ++gradients;
    }
  }
  EXPECT_GT(gradients, 5);
}

}  // namespace
}  // namespace glm_image::nano
