#include "evaluate/intervals.h"

#include <gtest/gtest.h>

namespace glm_image::evaluate {
namespace {

// Computed by hand: z = 1.96, z² = 3.8415. For 8 of 10 the centre is (0.8 + 0.19207) / 1.38415 =
// 0.71674 and the half-width 1.95996 / 1.38415 · √(0.016 + 0.0096036) = 0.22658.
TEST(Intervals, WilsonByHand) {
  const auto most = wilson_interval(8, 10);
  EXPECT_NEAR(most.low, 0.49016, 1e-4);
  EXPECT_NEAR(most.high, 0.94332, 1e-4);
  // At the limits: z² / (n + z²).
  EXPECT_NEAR(wilson_interval(0, 10).high, 0.27753, 1e-4);
  EXPECT_NEAR(wilson_interval(0, 10).low, 0, 1e-12);
  EXPECT_NEAR(wilson_interval(10, 10).low, 0.72247, 1e-4);
  EXPECT_NEAR(wilson_interval(10, 10).high, 1, 1e-12);
}

TEST(Intervals, WithoutValuesAreFromZeroToOne) {
  EXPECT_EQ(wilson_interval(0, 0).low, 0);
  EXPECT_EQ(wilson_interval(0, 0).high, 1);
  EXPECT_EQ(bootstrap_interval({}).low, 0);
  EXPECT_EQ(bootstrap_interval({}).high, 1);
  EXPECT_EQ(mean_of({}), 0);
}

TEST(Intervals, BootstrapOfCoinTosses) {
  std::vector<PictureSum> values;
  for (int i = 0; i < 400; ++i) values.push_back({static_cast<double>(i % 2), 1});
  const auto interval = bootstrap_interval(values);
  // 1.96 · √(¼ / 400) = 0.049, within the error of 2000 samples.
  EXPECT_NEAR(interval.low, 0.451, 0.008);
  EXPECT_NEAR(interval.high, 0.549, 0.008);
  const auto again = bootstrap_interval(values);
  EXPECT_EQ(again.low, interval.low);
  EXPECT_EQ(again.high, interval.high);
  EXPECT_EQ(mean_of(values), 0.5);
}

TEST(Intervals, EqualValuesHaveZeroWidth) {
  const auto interval = bootstrap_interval({{0.75, 1}, {1.5, 2}, {0, 0}, {2.25, 3}});
  EXPECT_DOUBLE_EQ(interval.low, 0.75);
  EXPECT_DOUBLE_EQ(interval.high, 0.75);
}

TEST(Intervals, CorrelatedValuesWidenTheInterval) {
  std::vector<PictureSum> apart, together;
  for (int i = 0; i < 400; ++i) apart.push_back({static_cast<double>(i % 2), 1});
  for (int i = 0; i < 100; ++i) together.push_back({4.0 * (i % 2), 4});
  const auto of_apart = bootstrap_interval(apart), of_together = bootstrap_interval(together);
  // Four dependent judgements count as one: a quarter of the sample doubles the width.
  EXPECT_NEAR((of_together.high - of_together.low) / (of_apart.high - of_apart.low), 2, 0.25);
}

}  // namespace
}  // namespace glm_image::evaluate
