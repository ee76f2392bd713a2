#include "train/weights/mixed_precision_adamw.h"

#include <cmath>
#include <limits>

#include "nn/modules.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using train::MixedPrecisionAdamW;
using train::OptimizerOptions;

/// A matrix with weight decay and a bias without.
struct SmallImpl : torch::nn::Module {
  SmallImpl() {
    linear = register_module("linear", nn::Linear(3, 2, at::TensorOptions(at::kFloat)));
    convolution = register_module(
        "convolution",
        nn::Conv2d(2, 3, nn::Conv2dImpl::Geometry{3, 1, 1}, at::TensorOptions(at::kFloat)));
  }
  nn::Linear linear{nullptr};
  nn::Conv2d convolution{nullptr};
};

void fill_randomly(const std::string& /*name*/, Tensor& weight) {
  weight.normal_();
}

/// AdamW for one number as in Loshchilov and Hutter 2019, algorithm 2, in float64.
class ScalarAdamW {
 public:
  ScalarAdamW(double weight, double decay) : weight_(weight), decay_(decay) {}
  double step(double gradient, double rate, const OptimizerOptions& options) {
    ++t_;
    m_ = options.beta1 * m_ + (1 - options.beta1) * gradient;
    v_ = options.beta2 * v_ + (1 - options.beta2) * gradient * gradient;
    const double m = m_ / (1 - std::pow(options.beta1, t_));
    const double v = v_ / (1 - std::pow(options.beta2, t_));
    weight_ -= rate * (m / (std::sqrt(v) + options.epsilon) + decay_ * weight_);
    return weight_;
  }

 private:
  double weight_, decay_, m_ = 0, v_ = 0;
  int t_ = 0;
};

TEST(MixedPrecisionAdamW, StepsAreThoseOfAdamW) {
  at::manual_seed(1);
  SmallImpl module;
  OptimizerOptions options;
  options.weight_decay = 0.1;
  options.max_grad_norm = 1e9;
  MixedPrecisionAdamW weights({{"small", &module}}, at::kFloat, at::kCPU, options);
  weights.initialise(fill_randomly);
  const auto& matrix = module.linear->weight;
  const auto& bias = module.linear->bias;
  ScalarAdamW expected_matrix(matrix[1][2].item<double>(), options.weight_decay);
  ScalarAdamW expected_bias(bias[0].item<double>(), 0);
  for (int step = 0; step < 5; ++step) {
    const double gradient = 0.3 * step - 0.5;
    (matrix.sum() * gradient + bias.sum() * 2 * gradient).backward();
    weights.accumulate(1);
    weights.step(0.01);
    EXPECT_NEAR(matrix[1][2].item<double>(), expected_matrix.step(gradient, 0.01, options), 1e-6);
    EXPECT_NEAR(bias[0].item<double>(), expected_bias.step(2 * gradient, 0.01, options), 1e-6);
  }
}

TEST(MixedPrecisionAdamW, GradientsOfSeveralBatchesAreAveraged) {
  at::manual_seed(2);
  SmallImpl one, two;
  MixedPrecisionAdamW whole({{"small", &one}}, at::kFloat, at::kCPU, {});
  MixedPrecisionAdamW parts({{"small", &two}}, at::kFloat, at::kCPU, {});
  whole.initialise([](const std::string&, Tensor& weight) { weight.fill_(0.5); });
  parts.initialise([](const std::string&, Tensor& weight) { weight.fill_(0.5); });
  const auto x = at::randn({4, 3});
  one.linear->forward(x).square().mean().backward();
  whole.accumulate(1);
  for (int64_t half = 0; half < 2; ++half) {
    two.linear->forward(x.narrow(0, 2 * half, 2)).square().mean().backward();
    parts.accumulate(2);
  }
  EXPECT_NEAR(whole.step(0.1), parts.step(0.1), 1e-5);
  EXPECT_LE(relative_error(two.linear->weight.detach(), one.linear->weight.detach()), 1e-5);
}

TEST(MixedPrecisionAdamW, LargeGradientsAreClippedAndInfiniteOnesSkipped) {
  SmallImpl module;
  OptimizerOptions options;
  options.max_grad_norm = 1;
  MixedPrecisionAdamW weights({{"small", &module}}, at::kFloat, at::kCPU, options);
  weights.initialise([](const std::string&, Tensor& weight) { weight.fill_(1); });
  (module.linear->weight.sum() * 100).backward();
  weights.accumulate(1);
  EXPECT_NEAR(weights.step(0.01), 100 * std::sqrt(6.0), 1e-2);

  const auto before = module.linear->weight.detach().clone();
  (module.linear->weight.sum() * std::numeric_limits<double>::infinity()).backward();
  weights.accumulate(1);
  EXPECT_FALSE(std::isfinite(weights.step(0.01)));
  EXPECT_TRUE(at::equal(module.linear->weight.detach(), before));
  // The infinite gradient has been discarded.
  module.linear->weight.sum().backward();
  weights.accumulate(1);
  EXPECT_TRUE(std::isfinite(weights.step(0.01)));
}

TEST(MixedPrecisionAdamW, KernelsAreChannelsLastAndGetTheirGradients) {
  at::manual_seed(3);
  SmallImpl module;
  MixedPrecisionAdamW weights({{"small", &module}}, at::kFloat, at::kCPU, {});
  weights.initialise(fill_randomly);
  auto& kernel = module.convolution->weight;
  EXPECT_TRUE(kernel.is_contiguous(at::MemoryFormat::ChannelsLast));
  const auto before = kernel.detach().clone();
  const auto x = at::randn({1, 2, 5, 5});
  module.convolution->forward(x).square().sum().backward();
  const auto gradient = kernel.grad().clone();
  weights.accumulate(1);
  weights.step(0.01);
  // Adam's first step moves each weight by the learning rate, against its gradient.
  const auto moved = (kernel.detach() - before).sign();
  EXPECT_TRUE(at::equal(moved, -gradient.sign()));
}

TEST(MixedPrecisionAdamW, WorkingWeightsAreRoundedMastersAreNot) {
  struct HalfImpl : torch::nn::Module {
    HalfImpl() {
      linear = register_module("linear", nn::Linear(2, 2, at::TensorOptions(at::kBFloat16)));
    }
    nn::Linear linear{nullptr};
  } module;
  OptimizerOptions options;
  options.weight_decay = 0;
  MixedPrecisionAdamW weights({{"half", &module}}, at::kBFloat16, at::kCPU, options);
  weights.initialise([](const std::string&, Tensor& weight) { weight.fill_(1); });
  // One step is far below bfloat16's resolution at 1 (2^−8); forty steps are above it.
  for (int step = 0; step < 40; ++step) {
    module.linear->weight.sum().backward();
    weights.accumulate(1);
    weights.step(2e-4);
    if (step == 0) {
      EXPECT_EQ(module.linear->weight[0][0].item<float>(), 1.0F);
    }
  }
  EXPECT_NEAR(module.linear->weight[0][0].item<float>(), 1 - 40 * 2e-4, 0x1p-8);
  EXPECT_LT(module.linear->weight[0][0].item<float>(), 1.0F);
}

}  // namespace
}  // namespace glm_image::test
