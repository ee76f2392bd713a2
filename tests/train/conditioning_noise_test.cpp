#include "train/batch/conditioning_noise.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace glm_image::train {
namespace {

TEST(RandomCodes, ReplaceTheGivenFraction) {
  constexpr int64_t kCodes = 4096;
  auto random = make_random(1);
  const auto codes = at::arange(8).repeat({2000, 1});
  const auto noisy = with_random_codes(codes, kCodes, 0.1, random);
  EXPECT_NEAR((noisy != codes).to(at::kDouble).mean().item<double>(), 0.1, 0.01);
  EXPECT_GE(noisy.min().item<int64_t>(), 0);
  EXPECT_GT(noisy.max().item<int64_t>(), kCodes - 20);
  EXPECT_LT(noisy.max().item<int64_t>(), kCodes);
  EXPECT_TRUE(at::equal(with_random_codes(codes, kCodes, 0, random), codes));
}

}  // namespace
}  // namespace glm_image::train
