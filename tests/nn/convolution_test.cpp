// nn::conv2d in bfloat16 against float32 on the same values. The sizes are those for which some
// version of oneDNN is wrong on some CPU: rows of 256 cells and more, fewer rows than columns, odd
// numbers of channels.

#include "nn/convolution.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/work_meter.h"
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
  Tensor x, weight, bias, y;

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
    y = conv2d(x, weight, bias, c.stride, c.kernel / 2);
    y.backward(random_tensor(y.sizes()).to(at::kBFloat16).to(type));
  }
};

void expect_bfloat16_is_right(const Case& c) {
  SCOPED_TRACE(concat(c.batch,
                      "×",
                      c.in,
                      "→",
                      c.out,
                      " ",
                      c.width,
                      "×",
                      c.height,
                      ", kernel ",
                      c.kernel,
                      ", stride ",
                      c.stride));
  const Problem narrow(c, at::kBFloat16), wide(c, at::kFloat);
  const auto expect_same = [](const char* name, const Tensor& found, const Tensor& expected) {
    EXPECT_EQ(found.sizes(), expected.sizes()) << name;
    EXPECT_EQ(found.scalar_type(), at::kBFloat16) << name;
    EXPECT_LT(relative_error(found.to(at::kFloat), expected), test::kOneBfloat16Rounding) << name;
  };
  expect_same("output", narrow.y, wide.y);
  expect_same("gradient of x", narrow.x.grad(), wide.x.grad());
  expect_same("gradient of the weight", narrow.weight.grad(), wide.weight.grad());
  expect_same("gradient of the bias", narrow.bias.grad(), wide.bias.grad());
}

TEST(Conv2d, Bfloat16OnWidePictures) {
  for (const Case& c : std::vector<Case>{{1, 32, 32, 32, 512, 3, 1},
                                         {8, 32, 3, 192, 320, 3, 1},
                                         {2, 32, 32, 96, 256, 3, 1},
                                         {1, 32, 16, 512, 512, 3, 1},
                                         {2, 32, 64, 96, 320, 3, 2},
                                         {2, 64, 32, 40, 300, 1, 1},
                                         {2, 3, 32, 192, 320, 3, 1}}) {
    expect_bfloat16_is_right(c);
  }
}

TEST(Conv2d, Bfloat16WithEveryNumberOfChannels) {
  for (const int64_t channels : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 48}) {
    for (const int64_t kernel : {1, 3}) {
      expect_bfloat16_is_right({2, 32, channels, 24, 40, kernel, 1});
      expect_bfloat16_is_right({2, channels, 32, 24, 40, kernel, 1});
    }
    expect_bfloat16_is_right({2, channels, channels, 24, 40, 3, 2});
  }
}

TEST(Conv2d, AFrozenConvolutionPassesTheGradientOn) {
  const auto gradient_in = [](at::ScalarType type) {
    torch::manual_seed(7);
    const auto values = [&](const std::vector<int64_t>& sizes) {
      return random_tensor(sizes).to(at::kBFloat16).to(type);
    };
    const auto x = values({2, 32, 24, 40}).requires_grad_();
    const auto y = conv2d(x, values({3, 32, 3, 3}), values({3}), 1, 1);
    y.backward(values({2, 3, 24, 40}));
    return x.grad().to(at::kFloat);
  };
  EXPECT_LT(relative_error(gradient_in(at::kBFloat16), gradient_in(at::kFloat)),
            test::kOneBfloat16Rounding);
}

// 2·9·512² operations a cell: more than are done at once.
TEST(Conv2d, LargeConvolutionsAreDoneInBands) {
  const at::NoGradGuard no_grad;
  const auto weight = random_tensor({512, 512, 3, 3}) / 64, bias = random_tensor({512});
  for (const auto& geometry : {ConvolutionGeometry{3, 1, 1, 0}, ConvolutionGeometry{3, 2, 0, 1}}) {
    const auto x = random_tensor({1, 512, 170 * geometry.stride, 150 * geometry.stride});
    int bands = 0;
    const WorkMeter meter([&](double operations) { bands += operations > 0 ? 1 : 0; });
    const auto y = convolution(x, weight, bias, geometry);
    EXPECT_GT(bands, 1);
    const auto padded = at::constant_pad_nd(x, {0, geometry.extra, 0, geometry.extra});
    const auto expected = at::conv2d(padded, weight, bias, geometry.stride, geometry.padding);
    ASSERT_EQ(y.sizes(), expected.sizes());
    EXPECT_LT(relative_error(y, expected), 1e-5);  // float32 sums in another order
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
