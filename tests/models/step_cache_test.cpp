#include "models/transformer/step_cache.h"

#include <gtest/gtest.h>

#include "core/torch.h"

namespace glm_image::test {
namespace {

using models::StepCache;

TEST(StepCache, SkipsWhatChangesLessThanTheThreshold) {
  StepCache cache(0.1);
  const auto first = at::ones({1, 4, 8}), rest = at::full({1, 4, 8}, 5.0);
  EXPECT_FALSE(cache.may_skip(first)) << "nothing is kept yet";
  cache.keep(first, rest);
  EXPECT_TRUE(cache.may_skip(first * 1.05));
  EXPECT_TRUE(cache.may_skip(first * 1.09)) << "measured from what was kept, not from the last";
  EXPECT_TRUE(at::equal(cache.rest(), rest));
  EXPECT_FALSE(cache.may_skip(first * 1.2));
  EXPECT_FALSE(cache.may_skip(at::ones({1, 5, 8}))) << "another number of tokens";
  EXPECT_FALSE(cache.may_skip(first * std::numeric_limits<double>::quiet_NaN()));
  EXPECT_EQ(cache.skipped(), 2);
}

TEST(StepCache, AThresholdOfZeroNeverSkips) {
  StepCache cache(0);
  const auto first = at::ones({1, 4, 8});
  cache.keep(first, first);
  EXPECT_FALSE(cache.may_skip(first));
}

}  // namespace
}  // namespace glm_image::test
