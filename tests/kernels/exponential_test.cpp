// e^x as the activations compute it: silu(−x)·1 = −x/(1 + e^x) covers its whole range.

#if GLM_IMAGE_HAVE_HIGHWAY

#include <cmath>

#include "kernels/activation.h"
#include "kernels/highway_targets.h"
#include "support/test_support.h"

namespace glm_image::kernels {
namespace {

class Exponential : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { use_highway_target(GetParam()); }
  void TearDown() override { use_highway_target(0); }
};

TEST_P(Exponential, IsExactToTheLastDigits) {
  const int64_t count = 2000001;
  const auto x = at::linspace(-86, 86, count, at::kDouble).to(at::kFloat);
  const auto gates = at::stack({x.neg(), at::ones({count})}, 1).contiguous();
  auto out = at::empty({count});
  silu_gate(Element::kFloat32, gates.data_ptr(), out.data_ptr(), count, /*channels=*/1);
  const auto wide = x.to(at::kDouble);
  const auto expected = wide.neg() / (1 + wide.exp());
  const auto error = ((out.to(at::kDouble) - expected) / expected).abs();
  const auto nonzero = error.masked_select(expected != 0);
  EXPECT_LT(nonzero.max().item<double>(), 4 * std::ldexp(1.0, -24));
}

INSTANTIATE_TEST_SUITE_P(Targets,
                         Exponential,
                         testing::ValuesIn(highway_targets()),
                         [](const auto& tested) { return highway_target_name(tested.param); });

}  // namespace
}  // namespace glm_image::kernels

#endif
