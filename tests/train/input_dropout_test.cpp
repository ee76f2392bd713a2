#include "train/batch/input_dropout.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace glm_image::train {
namespace {

TEST(HiddenCodes, HideHalfToAllCodesOfTheChosenSequences) {
  constexpr int64_t kSequences = 40, kHiding = 30, kCodes = 2000;
  auto random = make_random(3);
  const auto hides = choose_hiding(kHiding, kSequences, random);
  EXPECT_EQ(hides.sum().item<int64_t>(), kHiding);
  const auto hidden = hidden_codes(hides, kCodes, random);
  ASSERT_EQ(hidden.sizes(), at::IntArrayRef({kSequences, kCodes}));
  const auto shares = hidden.to(at::kDouble).mean(1);
  EXPECT_EQ(shares.masked_select(hides.logical_not()).max().item<double>(), 0);
  // With a probability of ½, the fraction of 2000 codes deviates by about 0.01 (standard
  // deviation).
  const auto hiding = shares.masked_select(hides);
  EXPECT_GT(hiding.min().item<double>(), 0.46);
  EXPECT_LT(hiding.min().item<double>(), 0.6);
  EXPECT_GT(hiding.max().item<double>(), 0.9);
}

TEST(HiddenCodes, EverySequenceIsChosenEquallyOften) {
  constexpr int64_t kSequences = 5, kHiding = 2, kDraws = 5000;
  auto random = make_random(4);
  auto counts = at::zeros({kSequences});
  for (int64_t i = 0; i < kDraws; ++i) counts += choose_hiding(kHiding, kSequences, random);
  // Five standard deviations of a binomial count are 173.
  EXPECT_LE((counts - kDraws * kHiding / kSequences).abs().max().item<double>(), 173) << counts;
}

TEST(HiddenCodes, FollowTheSeed) {
  const auto all = at::ones({4}, at::kBool);
  auto one = make_random(5), same = make_random(5), other = make_random(6);
  const auto hidden = hidden_codes(all, 300, one);
  EXPECT_TRUE(at::equal(hidden, hidden_codes(all, 300, same)));
  EXPECT_FALSE(at::equal(hidden, hidden_codes(all, 300, other)));
}

}  // namespace
}  // namespace glm_image::train
