// The fused gradients (nn/differentiable.h) against those of the plain forms in float64, for each
// instruction set. Also compares the gradients of the plain forms and of the fused float32 forms
// with finite differences.

#include <torch/csrc/autograd/function.h>

#include "nn/functional.h"
#include "nn/fused_test_support.h"
#include "nn/gradient_test_support.h"

namespace glm_image::nn {
namespace {

using test::expect_gradients_match;
using test::random_angles;
using test::random_tensor;

class Gradient : public test::FusedKernels {};

// Numbers of channels close to and far from multiples of a vector.
const std::vector<int64_t> kManyChannels = {2, 8, 15, 16, 17, 64, 100, 333};

TEST_P(Gradient, ModulatedLayerNorm) {
  for (const int64_t channels : kManyChannels) {
    for (const int64_t tokens : {1, 5}) {
      SCOPED_TRACE(concat(channels, " channels, ", tokens, " tokens"));
      expect_gradients_match(
          "ModulatedLayerNorm",
          {random_tensor({2, tokens, channels}) + 3,
           random_tensor({2, channels}),
           random_tensor({2, channels})},
          [](const auto& t) { return modulated_layer_norm(t[0], t[1], t[2], 1e-2); },
          [](const auto& t) { return plain::modulated_layer_norm(t[0], t[1], t[2], 1e-2); });
    }
  }
}

TEST_P(Gradient, ModulatedLayerNormOfManyTokens) {
  // More tokens than are summed in one run.
  expect_gradients_match(
      "ModulatedLayerNorm",
      {random_tensor({2, 700, 100}), random_tensor({2, 100}), random_tensor({2, 100})},
      [](const auto& t) { return modulated_layer_norm(t[0], t[1], t[2], 1e-5); },
      [](const auto& t) { return plain::modulated_layer_norm(t[0], t[1], t[2], 1e-5); });
}

TEST_P(Gradient, OfAPartOfTheTokens) {
  // As in a block on text and image tokens: batches are not contiguous, the modulation is a chunk,
  // and the gradient is a slice of a larger one.
  const auto streams = [](const auto& norm, const auto& residual) {
    return [norm, residual](const std::vector<Tensor>& t) {
      const auto text = t[0].narrow(1, 0, 3), image = t[0].narrow(1, 3, 4);
      const auto c = t[1].chunk(3, 1);
      return at::cat({norm(text, c[0], c[2], 1e-5),
                      residual(image, text.narrow(1, 0, 1).expand_as(image), c[1])},
                     1);
    };
  };
  expect_gradients_match("CatBackward",
                         {random_tensor({2, 7, 40}), random_tensor({2, 120})},
                         streams(nn::modulated_layer_norm, nn::gated_residual),
                         streams(plain::modulated_layer_norm, plain::gated_residual));
}

TEST_P(Gradient, GatedResidual) {
  for (const int64_t channels : kManyChannels) {
    SCOPED_TRACE(channels);
    expect_gradients_match(
        "GatedResidual",
        {random_tensor({2, 5, channels}),
         random_tensor({2, 5, channels}),
         random_tensor({2, channels})},
        [](const auto& t) { return gated_residual(t[0], t[1], t[2]); },
        [](const auto& t) { return plain::gated_residual(t[0], t[1], t[2]); });
  }
}

TEST_P(Gradient, HeadNormRotary) {
  for (const int64_t dim : {8, 32, 64, 128, 6, 40}) {
    for (const int64_t first_rotated : {0, 2, 5}) {
      SCOPED_TRACE(concat("dim ", dim, ", first ", first_rotated));
      const auto [cos, sin] = random_angles({5 - first_rotated, dim});
      expect_gradients_match(
          "HeadNormRotary",
          {random_tensor({2, 5, 3, dim}) + 1},
          [&, c = cos, s = sin](const auto& t) {
            return head_norm_rotary(t[0], c, s, first_rotated, 1e-5);
          },
          [&, c = cos, s = sin](const auto& t) {
            return plain::head_norm_rotary(t[0], c, s, first_rotated, 1e-5);
          });
    }
  }
}

TEST_P(Gradient, Rotary) {
  for (const int64_t rotated : {32, 16}) {
    for (const bool by_batch : {false, true}) {
      SCOPED_TRACE(concat("rotated ", rotated, by_batch ? ", by batch" : ""));
      const auto [cos, sin] =
          by_batch ? random_angles({2, 4, rotated}) : random_angles({4, rotated});
      expect_gradients_match(
          "Rotary",
          {random_tensor({2, 4, 3, 32})},
          [c = cos, s = sin](const auto& t) { return rotary(t[0], c, s); },
          [c = cos, s = sin](const auto& t) { return plain::rotary(t[0], c, s); });
    }
  }
}

TEST_P(Gradient, RmsNorm) {
  for (const int64_t channels : kManyChannels) {
    SCOPED_TRACE(channels);
    expect_gradients_match(
        "RmsNorm",
        {random_tensor({3, 400, channels}), random_tensor({channels})},
        [](const auto& t) { return rms_norm(t[0], t[1], 1e-6); },
        [](const auto& t) { return plain::rms_norm(t[0], t[1], 1e-6); });
  }
}

TEST_P(Gradient, GeluTanh) {
  for (const int64_t count : {1, 7, 50, 100000}) {
    SCOPED_TRACE(count);
    expect_gradients_match(
        "GeluTanh",
        {random_tensor({count}) * 3},
        [](const auto& t) { return gelu_tanh(t[0]); },
        [](const auto& t) { return plain::gelu_tanh(t[0]); });
  }
}

TEST_P(Gradient, SiluGate) {
  for (const int64_t channels : kManyChannels) {
    SCOPED_TRACE(channels);
    expect_gradients_match(
        "SiluGate",
        {random_tensor({3, 2, 2 * channels}) * 3},
        [](const auto& t) { return silu_gate(t[0]); },
        [](const auto& t) { return plain::silu_gate(t[0]); });
  }
}

TEST_P(Gradient, ActivationsOfExtremeValues) {
  const at::AutoGradMode with_gradients(true);
  for (const float end : {12.0F, 1e4F, 1e30F}) {
    const auto x = torch::tensor({end, -end}).requires_grad_();
    gelu_tanh(x).sum().backward();
    EXPECT_FLOAT_EQ(x.grad()[0].item<float>(), 1);
    EXPECT_NEAR(x.grad()[1].item<float>(), 0, 1e-20);
    const auto pairs = torch::tensor({{end, 1.0F}, {-end, 1.0F}}).requires_grad_();
    silu_gate(pairs).sum().backward();
    EXPECT_NEAR(pairs.grad()[0][0].item<float>(), 1, 1e-4);
    EXPECT_NEAR(pairs.grad()[1][0].item<float>(), 0, 1e-4);
    EXPECT_FLOAT_EQ(pairs.grad()[0][1].item<float>(), end / (1 + std::exp(-end)));
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Gradient, test::all_targets(), test::target_name);

TEST(LinearGradient, Bfloat16) {
  at::manual_seed(8);
  for (const bool with_bias : {true, false}) {
    for (const int64_t tokens : {1, 50}) {
      SCOPED_TRACE(concat(tokens, " tokens", with_bias ? ", bias" : ""));
      std::vector<Tensor> narrow = {
          random_tensor({2, tokens, 40}), random_tensor({70, 40}), random_tensor({70})};
      if (!with_bias) narrow.pop_back();
      std::vector<Tensor> wide;
      for (auto& input : narrow) {
        input = input.to(at::kBFloat16);
        wide.push_back(input.to(at::kDouble));
      }
      const auto dy = random_tensor({2, tokens, 70}).to(at::kBFloat16).to(at::kDouble);
      const auto bias = [&](const auto& t) { return with_bias ? t[2] : Tensor(); };
      const auto found = test::run_backward(
          [&](const auto& t) { return linear(t[0], t[1], bias(t)); }, narrow, dy);
      const auto expected = test::run_backward(
          [&](const auto& t) { return at::linear(t[0], t[1], bias(t)); }, wide, dy);
      for (size_t i = 0; i < narrow.size(); ++i) {
        EXPECT_LT(test::relative_error(found.gradients[i], expected.gradients[i]),
                  test::kOneBfloat16Rounding);
      }
    }
  }
}

TEST(LinearGradient, OfAFrozenWeightAndOfDataIsNotComputed) {
  const auto leaf = [](at::IntArrayRef shape) { return random_tensor(shape).to(at::kBFloat16); };
  const auto x = leaf({3, 8}), weight = leaf({4, 8}), bias = leaf({4});
  linear(x.requires_grad_(), weight, bias).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(weight.grad().defined() || bias.grad().defined());
  linear(x.detach(), weight.requires_grad_(), Tensor()).sum().backward();
  EXPECT_TRUE(weight.grad().defined());
}

TEST(GradientOfAGradient, IsRefused) {
  const auto x = random_tensor({4}).requires_grad_();
  test::expect_error(ErrorCode::kUnsupported, {"gradient of a gradient"}, [&] {
    torch::autograd::grad(
        {gelu_tanh(x).sum()}, {x}, {}, /*retain_graph=*/{}, /*create_graph=*/true);
  });
}

TEST(GradientSums, AreBitwiseIndependentOfTheThreads) {
  const auto gradients = [](int threads) {
    at::set_num_threads(threads);
    at::manual_seed(7);
    const auto x = random_tensor({3, 900, 64}).to(at::kBFloat16).requires_grad_();
    const auto shift = random_tensor({3, 64}).to(at::kBFloat16).requires_grad_();
    const auto scale = random_tensor({3, 64}).to(at::kBFloat16).requires_grad_();
    const auto weight = random_tensor({64}).to(at::kBFloat16).requires_grad_();
    rms_norm(modulated_layer_norm(x, shift, scale, 1e-5), weight, 1e-5).square().sum().backward();
    return std::vector<Tensor>{x.grad(), shift.grad(), scale.grad(), weight.grad()};
  };
  const int threads = at::get_num_threads();
  const auto one = gradients(1), two = gradients(2);
  at::set_num_threads(threads);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
}

}  // namespace
}  // namespace glm_image::nn
