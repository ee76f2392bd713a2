// The kernels' conversion between float32 and bfloat16 against LibTorch's: all bfloat16 values, and
// sums that fall on, next to and halfway between two of them.

#if GLM_IMAGE_HAVE_HIGHWAY

#include <gtest/gtest.h>

#include <cmath>

#include "core/torch.h"
#include "kernels/highway_targets.h"
#include "kernels/normalization.h"

namespace glm_image::kernels {
namespace {

class Rounding : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { use_highway_target(GetParam()); }
  void TearDown() override { use_highway_target(0); }
};

TEST_P(Rounding, OfSumsIsToNearestEven) {
  const auto all_bits = at::arange(65536, at::kInt).to(at::kShort);
  const auto x = all_bits.view(at::kBFloat16).contiguous();
  // Relative to x: 0, ¼, ½, ¾, 1 and 1½ units in the last place, with either sign.
  for (const float places : {0.0F, 0.25F, 0.5F, 0.75F, 1.0F, 1.5F}) {
    for (const float sign : {-1.0F, 1.0F}) {
      const auto y = (x.to(at::kFloat) * (sign * places / 128)).to(at::kBFloat16);
      const auto gates = at::ones({65536}, at::kBFloat16);
      auto out = at::empty_like(x);
      gated_residual(Element::kBfloat16,
                     x.data_ptr(),
                     y.data_ptr(),
                     gates.data_ptr(),
                     out.data_ptr(),
                     /*rows=*/1,
                     /*channels=*/65536);
      const auto expected = (x.to(at::kFloat) + y.to(at::kFloat)).to(at::kBFloat16);
      const auto both_nan = out.isnan().logical_and(expected.isnan());
      const auto same = out.view(at::kShort) == expected.view(at::kShort);
      // Subnormal numbers may be flushed to zero.
      const auto tiny = expected.to(at::kFloat).abs() < std::ldexp(1.0, -120);
      EXPECT_TRUE(same.logical_or(both_nan).logical_or(tiny).all().item<bool>())
          << sign * places << " places: "
          << same.logical_or(both_nan).logical_or(tiny).logical_not().sum().item<int64_t>()
          << " differ";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets,
                         Rounding,
                         testing::ValuesIn(highway_targets()),
                         [](const auto& tested) { return highway_target_name(tested.param); });

}  // namespace
}  // namespace glm_image::kernels

#endif
