#include "nano/training/token_parts.h"

#include <gtest/gtest.h>

#include "nano/posters/arrangement.h"
#include "nano/posters/poster_data.h"
#include "nano/shared_source.h"
#include "nano/training/scene_questions.h"
#include "nano/training/token_kinds.h"

namespace glm_image::nano {
namespace {

constexpr int64_t kPart = 0, kColumn = 1, kHeight = 3, kSize = 4, kStyle = 5;

struct Answered {
  PosterExample example;
  Tensor kinds, parts;
};

Answered answered(PosterFeed& feed, int64_t index, int64_t side) {
  Answered all{feed.example(index, side, side), {}, {}};
  const text::Grid grid{side / text::kTokenSide, side / text::kTokenSide};
  all.kinds = token_kinds(feed.source(), all.example.scene, all.example.layout, grid);
  all.parts = token_parts(feed.source(), all.example, grid);
  return all;
}

TEST(TokenParts, ApplyOnlyWhereTheyHaveAMeaning) {
  PosterFeed feed(test::poster_folder(), /*seed=*/11);
  const auto counts = count_part_answers(feed.source());
  const auto first_pictogram = first_pictogram_kind(feed.source());
  for (int64_t index = 0; index < 30; ++index) {
    const auto of = answered(feed, index, 256);
    const auto is_pictogram = of.kinds >= first_pictogram;
    const auto is_text = (of.kinds > 0).logical_and(is_pictogram.logical_not());
    ASSERT_EQ(of.parts.sizes(), at::IntArrayRef({static_cast<int64_t>(counts.size()), 64}));
    for (size_t question = 0; question < counts.size(); ++question) {
      const auto answers = of.parts[static_cast<int64_t>(question)];
      EXPECT_TRUE(at::equal(answers != kNoAnswer, question == kPart ? is_pictogram : is_text));
      EXPECT_LT(answers.max().item<int64_t>(), counts[question]);
      EXPECT_TRUE((answers >= 0).logical_or(answers == kNoAnswer).all().item<bool>());
    }
  }
}

TEST(TokenParts, CountFromTheStartOfAnItem) {
  PosterFeed feed(test::poster_folder(), /*seed=*/12);
  const auto& data = feed.source().data();
  int64_t pictograms = 0, lines = 0;
  for (int64_t index = 0; index < 40; ++index) {
    const auto of = answered(feed, index, 256);
    const auto parts = of.parts.view({-1, 8, 8});
    for (const auto& box : of.example.layout.boxes) {
      if (box.kind != posters::BoxKind::kPictogram) continue;
      // The middle of the pictogram, which is at most three tokens high and wide.
      const int64_t row = (box.y + box.height / 2) / 32, column = (box.x + box.width / 2) / 32;
      EXPECT_EQ(parts[kPart][row][column].item<int64_t>(),
                4 * (row - box.y / 32) + column - box.x / 32);
      ++pictograms;
    }
    for (const auto& line : of.example.layout.lines) {
      const auto& item = of.example.scene.texts[line.text];
      const int64_t row = static_cast<int64_t>(line.base_line - 16) / 32;
      const int64_t begin = static_cast<int64_t>(line.x) / 32;
      const int64_t end = static_cast<int64_t>(line.x + line.width) / 32;
      EXPECT_EQ(begin * 32, static_cast<int64_t>(line.x)) << "lines begin where tokens do";
      for (int64_t column = begin; column < end; ++column) {
        EXPECT_EQ(parts[kColumn][row][column].item<int64_t>(), column - begin) << item.text;
        const auto size = parts[kSize][row][column].item<int64_t>();
        const auto style = parts[kStyle][row][column].item<int64_t>();
        EXPECT_NEAR(posters::kTextSizes.at(size), item.size, 1e-6);
        EXPECT_EQ(data.lettering.styles().at(style).id, item.style);
        ++lines;
      }
    }
  }
  EXPECT_GT(pictograms, 10);
  EXPECT_GT(lines, 100);
}

TEST(TokenParts, EqualThoseOfThePreviewExceptHeights) {
  PosterFeed feed(test::poster_folder(), /*seed=*/13);
  int64_t same = 0;
  for (int64_t index = 0; index < 30; ++index) {
    const auto poster = answered(feed, index, 256), preview = answered(feed, index, 512);
    const auto kinds = preview.kinds.view({16, 16});
    const auto parts = preview.parts.view({-1, 16, 16});
    for (int64_t token = 0; token < 64; ++token) {
      const auto kind = poster.kinds[token].item<int64_t>();
      for (int64_t quarter = 0; quarter < 4; ++quarter) {
        const int64_t row = token / 8 * 2 + quarter / 2, column = token % 8 * 2 + quarter % 2;
        if (kind == 0 || kinds[row][column].item<int64_t>() != kind) continue;
        EXPECT_EQ(parts[kPart][row][column].item<int64_t>(),
                  poster.parts[kPart][token].item<int64_t>());
        if (parts[kColumn][row][column].item<int64_t>() ==
            poster.parts[kColumn][token].item<int64_t>()) {
          ++same;
        }
      }
    }
  }
  EXPECT_GT(same, 1000);
}

}  // namespace
}  // namespace glm_image::nano
