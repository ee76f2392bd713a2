#include "train/hidden_codes.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace glm_image::train {
namespace {

TEST(HiddenCodes, HideHalfToAllCodesOfTheFirstSequences) {
  constexpr int64_t kSequences = 40, kHiding = 30, kCodes = 2000;
  auto random = make_random(3);
  const auto hidden = hidden_codes(kHiding, kSequences, kCodes, random);
  ASSERT_EQ(hidden.sizes(), at::IntArrayRef({kSequences, kCodes}));
  const auto shares = hidden.to(at::kDouble).mean(1);
  EXPECT_EQ(shares.narrow(0, kHiding, kSequences - kHiding).max().item<double>(), 0);
  // Of 2000 codes a share is off by a hundredth at most (deviation) when its chance is a half.
  const auto hiding = shares.narrow(0, 0, kHiding);
  EXPECT_GT(hiding.min().item<double>(), 0.46);
  EXPECT_LT(hiding.min().item<double>(), 0.6);
  EXPECT_GT(hiding.max().item<double>(), 0.9);
}

TEST(HiddenCodes, FollowTheSeed) {
  auto one = make_random(5), same = make_random(5), other = make_random(6);
  const auto hidden = hidden_codes(4, 4, 300, one);
  EXPECT_TRUE(at::equal(hidden, hidden_codes(4, 4, 300, same)));
  EXPECT_FALSE(at::equal(hidden, hidden_codes(4, 4, 300, other)));
}

}  // namespace
}  // namespace glm_image::train
