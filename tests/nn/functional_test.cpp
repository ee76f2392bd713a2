// Every function of nn/functional.h against its plain form, for each instruction set with kernels.
// bfloat16 results are compared with the plain form of the same bfloat16 inputs in float32. A fused
// kernel rounds once, so the error is at most one rounding.

#include "nn/functional.h"

#include "nn/fused_test_support.h"

namespace glm_image::nn {
namespace {

using test::expect_matches_plain;
using test::random_angles;
using test::random_tensor;

class Functional : public test::FusedKernels {};

// Numbers of channels close to and far from multiples of a vector; one token; two batches.
const std::vector<int64_t> kChannels = {1, 8, 15, 16, 17, 64, 100, 333};

TEST_P(Functional, ModulatedLayerNorm) {
  for (const int64_t channels : kChannels) {
    for (const int64_t tokens : {1, 5}) {
      SCOPED_TRACE(concat(channels, " channels, ", tokens, " tokens"));
      // The mean is far from zero: a variance computed as a difference of sums would lose
      // precision.
      expect_matches_plain(
          {random_tensor({2, tokens, channels}) + 3,
           random_tensor({2, channels}),
           random_tensor({2, channels})},
          [](const auto& t) { return modulated_layer_norm(t[0], t[1], t[2], 1e-2); },
          [](const auto& t) { return plain::modulated_layer_norm(t[0], t[1], t[2], 1e-2); });
    }
  }
}

TEST_P(Functional, ModulatedLayerNormOfSomeTokens) {
  // As in a block on the image tokens: batches are not contiguous, and the modulation is a chunk.
  const auto chunk = [](const Tensor& t, int64_t i) { return t.chunk(3, 1)[i]; };
  expect_matches_plain(
      {random_tensor({2, 7, 40}), random_tensor({2, 120})},
      [&](const auto& t) {
        return modulated_layer_norm(t[0].narrow(1, 3, 4), chunk(t[1], 0), chunk(t[1], 2), 1e-5);
      },
      [&](const auto& t) {
        return plain::modulated_layer_norm(
            t[0].narrow(1, 3, 4), chunk(t[1], 0), chunk(t[1], 2), 1e-5);
      });
}

TEST_P(Functional, GatedResidual) {
  for (const int64_t channels : kChannels) {
    SCOPED_TRACE(channels);
    expect_matches_plain(
        {random_tensor({2, 5, channels}),
         random_tensor({2, 5, channels}),
         random_tensor({2, channels})},
        [](const auto& t) { return gated_residual(t[0], t[1], t[2]); },
        [](const auto& t) { return plain::gated_residual(t[0], t[1], t[2]); });
  }
  expect_matches_plain(
      {random_tensor({2, 9, 40}), random_tensor({2, 40, 4}), random_tensor({2, 40})},
      [](const auto& t) {
        return gated_residual(t[0].narrow(1, 5, 4), t[1].transpose(1, 2), t[2]);
      },
      [](const auto& t) {
        return plain::gated_residual(t[0].narrow(1, 5, 4), t[1].transpose(1, 2), t[2]);
      });
}

TEST_P(Functional, HeadNormRotary) {
  for (const int64_t dim : {8, 16, 32, 64, 128, 6, 40}) {
    for (const int64_t first_rotated : {0, 1, 5}) {
      SCOPED_TRACE(concat("dim ", dim, ", first ", first_rotated));
      const auto [cos, sin] = random_angles({5 - first_rotated, dim});
      expect_matches_plain(
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

TEST_P(Functional, Rotary) {
  for (const int64_t dim : {8, 16, 32, 64, 128, 20}) {
    for (const int64_t rotated : {dim, dim / 2}) {
      for (const bool by_batch : {false, true}) {
        SCOPED_TRACE(concat("dim ", dim, ", rotated ", rotated, by_batch ? ", by batch" : ""));
        const auto [cos, sin] =
            by_batch ? random_angles({2, 4, rotated}) : random_angles({4, rotated});
        expect_matches_plain(
            {random_tensor({2, 4, 3, dim})},
            [c = cos, s = sin](const auto& t) { return rotary(t[0], c, s); },
            [c = cos, s = sin](const auto& t) { return plain::rotary(t[0], c, s); });
      }
    }
  }
  const auto [cos, sin] = random_angles({4, 16});
  expect_matches_plain(
      {random_tensor({2, 3, 4, 16})},
      [c = cos, s = sin](const auto& t) { return rotary(t[0].transpose(1, 2), c, s); },
      [c = cos, s = sin](const auto& t) { return plain::rotary(t[0].transpose(1, 2), c, s); });
}

TEST_P(Functional, RmsNorm) {
  for (const int64_t channels : kChannels) {
    SCOPED_TRACE(channels);
    expect_matches_plain(
        {random_tensor({3, 4, channels}), random_tensor({channels})},
        [](const auto& t) { return rms_norm(t[0], t[1], 1e-6); },
        [](const auto& t) { return plain::rms_norm(t[0], t[1], 1e-6); });
  }
}

TEST_P(Functional, GeluTanh) {
  for (const int64_t count : {1, 7, 16, 50, 100000}) {
    SCOPED_TRACE(count);
    expect_matches_plain(
        {random_tensor({count}) * 4},
        [](const auto& t) { return gelu_tanh(t[0]); },
        [](const auto& t) { return plain::gelu_tanh(t[0]); });
  }
  expect_matches_plain(
      {random_tensor({6, 9})},
      [](const auto& t) { return gelu_tanh(t[0].t()); },
      [](const auto& t) { return plain::gelu_tanh(t[0].t()); });
}

TEST_P(Functional, ActivationsOfExtremeValues) {
  const std::vector<float> ends = {0, 12, 1e4F, 1e30F, INFINITY};
  for (const float end : ends) {
    const auto x = torch::tensor({end, -end});
    const auto gelu = gelu_tanh(x), silu = silu_gate(at::stack({x, at::ones({2})}, 1));
    EXPECT_FLOAT_EQ(silu[0].item<float>(), end / (1 + std::exp(-end)));
    EXPECT_EQ(gelu[0].item<float>(), end);
    EXPECT_NEAR(gelu[1].item<float>(), 0, 1e-20);
    EXPECT_NEAR(silu[1].item<float>(), 0, 1e-4);
  }
  const auto nan = torch::tensor({NAN, NAN});
  EXPECT_TRUE(gelu_tanh(nan).isnan().all().item<bool>());
  EXPECT_TRUE(silu_gate(nan).isnan().all().item<bool>());
}

TEST_P(Functional, SiluGate) {
  for (const int64_t channels : kChannels) {
    SCOPED_TRACE(channels);
    expect_matches_plain(
        {random_tensor({3, 2, 2 * channels}) * 3},
        [](const auto& t) { return silu_gate(t[0]); },
        [](const auto& t) { return plain::silu_gate(t[0]); });
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Functional, test::all_targets(), test::target_name);

TEST(FunctionalGradients, FlowThroughThePublicFunctions) {
  // For any chosen form. gradient_test.cpp checks the values.
  const auto leaf = [](at::IntArrayRef shape) { return random_tensor(shape).requires_grad_(); };
  const auto expect_gradients = [](const Tensor& out, const std::vector<Tensor>& leaves) {
    ASSERT_TRUE(out.requires_grad());
    out.sum().backward();
    for (auto tensor : leaves) {
      ASSERT_TRUE(tensor.grad().defined());
      EXPECT_GT(tensor.grad().abs().sum().item<double>(), 0);
      tensor.mutable_grad().reset();
    }
  };
  const auto x = leaf({2, 3, 16}), y = leaf({2, 3, 16}), shift = leaf({2, 16}),
             scale = leaf({2, 16}), weight = leaf({16}), heads = leaf({2, 3, 2, 8}),
             matrix = leaf({5, 16}), bias = leaf({5});
  const auto [cos, sin] = random_angles({3, 8});
  // Without the square, the sum of a normalised row would not depend on the row.
  expect_gradients(modulated_layer_norm(x, shift, scale, 1e-5).square(), {x, shift, scale});
  expect_gradients(gated_residual(x, y, scale), {x, y, scale});
  expect_gradients(head_norm_rotary(heads, cos, sin, 0, 1e-5).pow(3), {heads});
  expect_gradients(rotary(heads, cos, sin), {heads});
  expect_gradients(rms_norm(x, weight, 1e-6), {x, weight});
  expect_gradients(gelu_tanh(x), {x});
  expect_gradients(silu_gate(x), {x});
  expect_gradients(linear(x, matrix, bias), {x, matrix, bias});
  expect_gradients(linear(x.narrow(0, 0, 1).narrow(1, 0, 1), matrix.detach(), Tensor()), {x});
  expect_gradients(attention(heads, heads * 2, heads * 3, {}), {heads});
}

}  // namespace
}  // namespace glm_image::nn
