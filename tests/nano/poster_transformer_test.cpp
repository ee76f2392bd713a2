#include "nano/training/poster_transformer.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "nano/shared_source.h"

namespace glm_image::nano {
namespace {

TEST(HeadBlocks, AreInTheOrderOfTheirAnswers) {
  for (int64_t blocks = 1; blocks <= 64; ++blocks) {
    const auto heads = head_blocks(blocks);
    EXPECT_GE(heads.positions, 0) << blocks;
    EXPECT_LE(heads.positions, heads.pointing) << blocks;
    EXPECT_LE(heads.pointing, heads.spelling) << blocks;
    EXPECT_LT(heads.spelling, blocks);
    if (blocks < 6) continue;
    // Enough blocks for one each, and for the picture after the last one.
    EXPECT_LT(heads.positions, heads.pointing) << blocks;
    EXPECT_LT(heads.pointing, heads.spelling) << blocks;
    EXPECT_LT(heads.spelling, blocks - 1);
  }
}

TEST(CropAroundItem, ContainsATextIfTextsAreRequested) {
  PosterFeed feed(test::poster_folder(), /*seed=*/4);
  auto random = make_random(9);
  constexpr int64_t kRows = 3, kToken = 32;
  for (int64_t index = 0; index < 40; ++index) {
    const auto example = feed.laid_out(index, 256, 256);
    const int64_t top = crop_around_item(example, kRows, /*texts_share=*/1, random) * kToken;
    ASSERT_GE(top, 0);
    ASSERT_LE(top + kRows * kToken, 256);
    bool meets_text = example.scene.texts.empty();
    for (const auto& box : example.layout.boxes) {
      const bool meets = box.y < top + kRows * kToken && box.y + box.height > top;
      meets_text |= meets && box.kind == posters::BoxKind::kText;
    }
    EXPECT_TRUE(meets_text) << index;
  }
}

}  // namespace
}  // namespace glm_image::nano
