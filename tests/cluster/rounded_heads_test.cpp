// Keys and values in 8 bits.

#include "cluster/rounded_heads.h"

#include "support/test_support.h"

namespace glm_image::test {
namespace {

using cluster::heads_of_rounded;
using cluster::rounded_heads;

class RoundedHeads : public testing::Test {
 protected:
  RoundedHeads() { torch::manual_seed(1); }
};

TEST_F(RoundedHeads, AreWithinHalfAScale) {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    // Magnitudes that differ between tokens and heads; the tokens are a part of a larger tensor.
    const auto sizes = at::exp(4 * at::randn({2, 7, 3, 1}));
    const auto heads = (at::randn({2, 7, 3, 40}) * sizes).to(type).narrow(1, 1, 5);
    const auto bytes = rounded_heads(heads);
    EXPECT_EQ(bytes.scalar_type(), at::kByte);
    EXPECT_EQ(bytes.sizes(), (std::vector<int64_t>{2, 5, 3, 40 + 4}));
    const auto read = heads_of_rounded(bytes, heads.options());
    EXPECT_EQ(read.scalar_type(), type);
    const auto exact = heads.to(at::kDouble);
    const auto half_scale = exact.abs().amax(-1, /*keepdim=*/true) / 254;
    // The result is rounded to the type: by 2⁻⁸ of the largest value in bfloat16, 2⁻¹¹ in float16.
    const double rounding = type == at::kFloat ? 1e-6 : type == at::kHalf ? 0x1p-11 : 0x1p-8;
    const auto bound = half_scale * (1 + 254 * rounding);
    EXPECT_TRUE(((read.to(at::kDouble) - exact).abs() <= bound).all().item<bool>()) << type;
  }
}

TEST_F(RoundedHeads, TheLargestValueOfAHeadIsKept) {
  const auto heads = at::zeros({1, 1, 2, 3});
  heads[0][0][0][1] = -5.5;
  const auto read = heads_of_rounded(rounded_heads(heads), heads.options());
  EXPECT_TRUE(at::allclose(read, heads, /*rtol=*/1e-6, /*atol=*/0));
}

TEST_F(RoundedHeads, SmallestNumbersAreZero) {
  const auto heads = at::full({1, 1, 1, 4}, 1e-39);
  const auto read = heads_of_rounded(rounded_heads(heads), heads.options());
  EXPECT_TRUE((read == 0).all().item<bool>());
}

/// A defect elsewhere shows in the picture's check, instead of being rounded to a number.
TEST_F(RoundedHeads, WhatIsNotFiniteStaysSo) {
  for (const double wrong : {std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
    auto heads = at::ones({1, 1, 2, 4});
    heads[0][0][1][2] = wrong;
    const auto read = heads_of_rounded(rounded_heads(heads), heads.options());
    EXPECT_TRUE(at::allclose(read[0][0][0], heads[0][0][0]));
    EXPECT_TRUE(at::isnan(read[0][0][1]).all().item<bool>());
  }
}

}  // namespace
}  // namespace glm_image::test
