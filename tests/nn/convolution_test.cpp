// nn::conv2d's gradients in bfloat16 against those in float32 of the same values, at sizes where
// oneDNN's own are wrong on some machines: rows of 256 cells and more, fewer of them.

#include "nn/convolution.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/fused_test_support.h"

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::relative_error;

struct Case {
  int64_t batch, in, out, height, width, kernel, stride;
};

/// x, weight and bias of a case, with their gradients.
struct Problem {
  Tensor x, weight, bias;

  Problem(const Case& c, at::ScalarType type) {
    torch::manual_seed(7);
    const auto leaf = [&](const std::vector<int64_t>& sizes) {
      auto values = random_tensor(sizes).to(at::kBFloat16).to(type);
      if (sizes.size() == 4) values = values.contiguous(at::MemoryFormat::ChannelsLast);
      return values.requires_grad_();
    };
    x = leaf({c.batch, c.in, c.height, c.width});
    weight = leaf({c.out, c.in, c.kernel, c.kernel});
    bias = leaf({c.out});
    const auto y = conv2d(x, weight, bias, c.stride, c.kernel / 2);
    y.backward(random_tensor(y.sizes()).to(at::kBFloat16).to(type));
  }
};

TEST(Conv2d, GradientsInBfloat16) {
  for (const Case& c : std::vector<Case>{{1, 32, 32, 32, 512, 3, 1},
                                         {8, 32, 3, 192, 320, 3, 1},
                                         {2, 32, 32, 96, 256, 3, 1},
                                         {1, 32, 16, 512, 512, 3, 1},
                                         {2, 32, 64, 96, 320, 3, 2},
                                         {2, 64, 32, 40, 300, 1, 1},
                                         {2, 3, 32, 192, 320, 3, 1}}) {
    SCOPED_TRACE(concat(c.batch, "×", c.in, "→", c.out, " ", c.width, "×", c.height));
    const Problem narrow(c, at::kBFloat16), wide(c, at::kFloat);
    const auto expect_same = [](const Tensor& found, const Tensor& expected) {
      EXPECT_EQ(found.sizes(), expected.sizes());
      EXPECT_LT(relative_error(found.to(at::kFloat), expected), test::kOneBfloat16Rounding);
    };
    expect_same(narrow.x.grad(), wide.x.grad());
    expect_same(narrow.weight.grad(), wide.weight.grad());
    expect_same(narrow.bias.grad(), wide.bias.grad());
    EXPECT_EQ(narrow.weight.grad().scalar_type(), at::kBFloat16);
  }
}

TEST(Conv2d, AFrozenPictureGetsNoGradient) {
  const auto x = random_tensor({1, 32, 32, 512}).to(at::kBFloat16);
  const auto weight = random_tensor({32, 32, 3, 3}).to(at::kBFloat16).requires_grad_();
  const auto bias = random_tensor({32}).to(at::kBFloat16).requires_grad_();
  conv2d(x, weight, bias, 1, 1).sum().backward();
  EXPECT_FALSE(x.grad().defined());
  EXPECT_TRUE(weight.grad().defined());
}

}  // namespace
}  // namespace glm_image::nn
