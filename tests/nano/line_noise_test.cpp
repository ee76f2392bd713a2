#include "nano/training/line_noise.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "nano/shared_source.h"

namespace glm_image::nano {
namespace {

TEST(LineNoise, OneLineChangesByATokenInsideThePicture) {
  PosterFeed feed(test::poster_folder(), /*seed=*/4);
  auto random = make_random(8);
  int64_t longer = 0, shorter = 0;
  for (int64_t index = 0; index < 80; ++index) {
    const auto layout = feed.laid_out(index, 256, 256).layout;
    const auto noisy = with_miscounted_line(layout, 256, random);
    ASSERT_EQ(noisy.lines.size(), layout.lines.size());
    int64_t changed = 0;
    for (size_t i = 0; i < layout.lines.size(); ++i) {
      const double difference = noisy.lines[i].width - layout.lines[i].width;
      if (difference == 0) continue;
      ++changed;
      EXPECT_EQ(std::abs(difference), 32) << index;
      EXPECT_LE(noisy.lines[i].x + noisy.lines[i].width, 256) << index;
      EXPECT_GE(noisy.lines[i].width, 32) << index;
      ++(difference > 0 ? longer : shorter);
    }
    EXPECT_LE(changed, 1) << index;
  }
  EXPECT_GT(longer, 10);
  EXPECT_GT(shorter, 10);
}

TEST(LineNoise, ALineWithoutRoomForATokenStays) {
  PosterFeed feed(test::poster_folder(), /*seed=*/4);
  auto layout = feed.laid_out(0, 256, 256).layout;
  ASSERT_FALSE(layout.lines.empty());
  layout.lines.resize(1);
  layout.lines[0].x = 10;
  layout.lines[0].width = 40;  // shorter by a token, it would have less than one
  for (uint64_t seed = 0; seed < 8; ++seed) {
    auto random = make_random(seed);
    EXPECT_EQ(with_miscounted_line(layout, /*width=*/80, random).lines[0].width, 40);
    EXPECT_EQ(with_miscounted_line(layout, /*width=*/82, random).lines[0].width, 72);
  }
  layout.lines.clear();
  auto random = make_random(8);
  EXPECT_TRUE(with_miscounted_line(layout, 256, random).lines.empty());
}

}  // namespace
}  // namespace glm_image::nano
