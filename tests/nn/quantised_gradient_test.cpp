// The gradient through a quantised weight against the product with its values in float64.

#include <cstring>

#include "nn/functional.h"
#include "nn/fused_test_support.h"
#include "nn/quantised_matrix.h"
#include "nn/random_weight.h"

#if GLM_IMAGE_HAVE_HIGHWAY

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::RandomWeight;
using test::relative_error;

TEST(QuantisedGradient, IsTheProductWithTheValues) {
  at::manual_seed(11);
  for (const int bits : {4, 8}) {
    for (const auto& [out, in, group] : std::vector<std::array<int64_t, 3>>{
             {70, 64, 32}, {64, 66, 66}, {130, 256, 128}, {5, 7, 7}}) {
      SCOPED_TRACE(concat(bits, " bits, ", out, " x ", in, " by ", group));
      const RandomWeight weight(out, in, bits, group, at::kBFloat16);
      const auto transposed = weight.matrix.transposed(at::kFloat);
      EXPECT_LT(relative_error(transposed.t(), weight.values()), 1e-7);
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        const auto x = random_tensor({2, 9, in}).to(type).requires_grad_();
        const auto bias = random_tensor({out}).to(type);
        const auto dy = random_tensor({2, 9, out}).to(type);
        const auto y = linear(x, weight.matrix, bias);
        {
          const at::NoGradGuard no_grad;
          EXPECT_TRUE(at::equal(y, linear(x, weight.matrix, bias)));
        }
        y.backward(dy);
        EXPECT_EQ(x.grad().scalar_type(), type);
        // In bfloat16 the weight and the result are rounded once each.
        EXPECT_LT(relative_error(x.grad(), at::matmul(dy.to(at::kDouble), weight.values())),
                  type == at::kFloat ? test::kFloat32Rounding : 2 * test::kOneBfloat16Rounding);
      }
    }
  }
}

}  // namespace
}  // namespace glm_image::nn

#endif
