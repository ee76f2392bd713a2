#include "nano/training/poster_transformer.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "nano/shared_source.h"

namespace glm_image::nano {
namespace {

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
