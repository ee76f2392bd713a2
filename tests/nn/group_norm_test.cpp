#include "nn/group_norm.h"

#include "nn/fused_test_support.h"

namespace glm_image::test {
namespace {

constexpr double kEps = 1e-6;

/// x·scale + shift cancels the mean of a channel, here up to ten standard deviations. The product,
/// the shift and the sum each have a float32 error of about ten times 2^−24.
constexpr double kCancellation = 3 * 10 * 0x1p-24 * 2;

struct Shape {
  int64_t batch, channels, groups, height, width;
};

/// Sizes with remainders: channels that do not fill a vector, pictures that end inside a run.
const std::vector<Shape> kShapes = {{2, 32, 8, 16, 16}, {1, 24, 3, 37, 23}, {3, 7, 7, 5, 300}};

struct Gradients {
  Tensor out, dx, dweight, dbias;
};

template <typename Form>
Gradients run(const Form& form, const Shape& shape, const Tensor& x, const Tensor& dy) {
  at::AutoGradMode with_gradients(true);
  auto input = x.detach().clone(at::MemoryFormat::Preserve).requires_grad_(true);
  auto weight = at::linspace(0.5, 1.5, shape.channels).to(x.scalar_type()).requires_grad_(true);
  auto bias = at::linspace(-1, 1, shape.channels).to(x.scalar_type()).requires_grad_(true);
  const auto out = form(input, shape.groups, weight, bias, kEps);
  out.backward(dy);
  return {out.detach(), input.grad(), weight.grad(), bias.grad()};
}

/// Each channel of x has a mean far from zero, as in posters with flat colours.
Tensor pictures(const Shape& shape, at::ScalarType type) {
  const auto x = random_tensor({shape.batch, shape.channels, shape.height, shape.width}) +
                 3 * random_tensor({1, shape.channels, 1, 1});
  return x.to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

class GroupNormSilu : public FusedKernels {};

TEST_P(GroupNormSilu, ValueAndGradientsAreThoseOfThePlainForm) {
  for (const auto& shape : kShapes) {
    const auto x = pictures(shape, at::kFloat);
    const auto dy = random_tensor(x.sizes());
    const auto fused = run(nn::group_norm_silu, shape, x, dy);
    const auto plain =
        run(nn::plain::group_norm_silu, shape, x.to(at::kDouble), dy.to(at::kDouble));
    EXPECT_LE(relative_error(fused.out, plain.out), kCancellation);
    EXPECT_LE(relative_error(fused.dx, plain.dx), 2e-5);
    EXPECT_LE(relative_error(fused.dweight, plain.dweight), 2e-5);
    EXPECT_LE(relative_error(fused.dbias, plain.dbias), 2e-5);
  }
}

TEST_P(GroupNormSilu, Bfloat16RoundsOnce) {
  for (const auto& shape : kShapes) {
    const auto x = pictures(shape, at::kBFloat16);
    const auto dy = random_tensor(x.sizes()).to(at::kBFloat16);
    const auto fused = run(nn::group_norm_silu, shape, x, dy);
    const auto plain =
        run(nn::plain::group_norm_silu, shape, x.to(at::kDouble), dy.to(at::kDouble));
    EXPECT_LE(relative_error(fused.out, plain.out), kOneBfloat16Rounding);
    EXPECT_LE(relative_error(fused.dx, plain.dx), kOneBfloat16Rounding);
    // Weight and bias are rounded as well.
    EXPECT_LE(relative_error(fused.dweight, plain.dweight), 2 * kOneBfloat16Rounding);
    EXPECT_LE(relative_error(fused.dbias, plain.dbias), 2 * kOneBfloat16Rounding);
  }
}

TEST_P(GroupNormSilu, KeepsTheLayout) {
  const auto x = pictures(kShapes[0], at::kFloat);
  EXPECT_TRUE(nn::group_norm_silu(x, 8, at::ones({32}), at::zeros({32}), kEps)
                  .is_contiguous(at::MemoryFormat::ChannelsLast));
}

INSTANTIATE_TEST_SUITE_P(Targets, GroupNormSilu, all_targets(), target_name);

}  // namespace
}  // namespace glm_image::test
