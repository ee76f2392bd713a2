// Gradients with recomputation in the backward pass against those without it.

#include "nn/recompute.h"

#include <torch/csrc/autograd/autograd.h>

#include "nn/fused_test_support.h"

namespace glm_image::nn {
namespace {

using test::random_tensor;

/// Two leaves and a function of x that uses them.
struct RecomputedBlock {
  Tensor weight = random_tensor({6, 6}).requires_grad_();
  Tensor shift = random_tensor({6}).requires_grad_();
  int evaluations = 0;

  Tensor operator()(const Tensor& x) {
    ++evaluations;
    return x + at::tanh(at::linear(x, weight, shift));
  }
};

struct TwoBlockGradients {
  Tensor out, x, first_weight, second_shift;
};

TwoBlockGradients backward_of_two_blocks(bool recomputed, const Tensor& input, bool input_learns) {
  at::manual_seed(3);
  RecomputedBlock first, second;
  const auto x = input.clone().requires_grad_(input_learns);
  const auto through = [&](RecomputedBlock& block, const Tensor& tokens) {
    const auto f = [&block](const Tensor& in) { return block(in); };
    return recomputed ? recompute(f, tokens) : f(tokens);
  };
  const auto y = through(second, through(first, x));
  y.square().sum().backward();
  EXPECT_EQ(first.evaluations, recomputed ? 2 : 1);
  return {y.detach(), x.grad(), first.weight.grad(), second.shift.grad()};
}

TEST(Recompute, GivesTheSameGradients) {
  at::manual_seed(1);
  const auto input = random_tensor({5, 6});
  for (const bool input_learns : {true, false}) {
    const auto expected = backward_of_two_blocks(false, input, input_learns);
    const auto found = backward_of_two_blocks(true, input, input_learns);
    EXPECT_TRUE(at::equal(found.out, expected.out));
    // Leaves learn also where x, as in a frozen model's first block, does not.
    EXPECT_TRUE(at::equal(found.first_weight, expected.first_weight));
    EXPECT_TRUE(at::equal(found.second_shift, expected.second_shift));
    ASSERT_EQ(found.x.defined(), input_learns);
    if (!input_learns) continue;
    EXPECT_TRUE(at::equal(found.x, expected.x));
  }
}

TEST(Recompute, EvaluatesOnceWithoutGradients) {
  const at::NoGradGuard no_grad;
  RecomputedBlock block;
  const auto y = recompute([&](const Tensor& x) { return block(x); }, random_tensor({2, 6}));
  EXPECT_EQ(block.evaluations, 1);
  EXPECT_FALSE(y.requires_grad());
}

TEST(Recompute, RefusesASecondDerivative) {
  RecomputedBlock block;
  const auto x = random_tensor({2, 6}).requires_grad_();
  const auto y = recompute([&](const Tensor& in) { return block(in); }, x).square().sum();
  test::expect_error(ErrorCode::kUnsupported, {"gradient of a gradient"}, [&] {
    torch::autograd::grad({y}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true);
  });
}

}  // namespace
}  // namespace glm_image::nn
