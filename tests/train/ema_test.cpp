#include "train/weights/ema.h"

#include <algorithm>

#include "nn/modules.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using train::ExponentialMovingAverage;

/// One linear layer in training, whose weights all begin at 1.
struct AveragedLinear {
  explicit AveragedLinear(double decay)
      : optimizer({{"linear", linear.get()}}, at::kFloat, at::kCPU, {}), average(optimizer, decay) {
    optimizer.initialise([](const std::string&, Tensor& weight) { weight.fill_(1); });
    average.reset();
  }

  void step() {
    linear->weight.sum().backward();
    optimizer.accumulate(1);
    optimizer.step(0.1);
    average.update();
  }
  double value() const { return linear->weight[0][0].item<double>(); }

  nn::Linear linear{3, 2, at::TensorOptions(at::kFloat)};
  train::MixedPrecisionAdamW optimizer;
  ExponentialMovingAverage average;
};

TEST(ExponentialMovingAverage, FollowsTheMasters) {
  AveragedLinear trained(0.5);
  double expected = 1;
  for (int step = 1; step <= 6; ++step) {
    trained.step();
    const double decay = std::min(0.5, (1.0 + step) / (10.0 + step));
    expected = decay * expected + (1 - decay) * trained.value();
  }
  const auto master = trained.linear->weight.detach().clone();
  trained.average.copy_to_modules();
  EXPECT_NEAR(trained.value(), expected, 1e-5);
  trained.optimizer.use_masters();
  EXPECT_TRUE(at::equal(trained.linear->weight.detach(), master));
}

TEST(ExponentialMovingAverage, OfDecayZeroIsTheMasters) {
  AveragedLinear trained(0);
  trained.step();
  EXPECT_NE(trained.value(), 1);
  EXPECT_TRUE(at::equal(trained.average.buffer(), trained.optimizer.masters()));
}

TEST(ExponentialMovingAverage, StateIsNamedAsInCheckpoints) {
  AveragedLinear trained(0.5);
  std::vector<std::string> names;
  for (const auto& [name, value] : trained.average.state()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"average.linear.weight", "average.linear.bias"}));
  // The tensors are views: what a checkpoint is copied into becomes the average.
  trained.average.state().front().second.fill_(4);
  trained.average.copy_to_modules();
  EXPECT_EQ(trained.value(), 4);
  EXPECT_EQ(ExponentialMovingAverage::bytes_for({{"linear", trained.linear.get()}}), 4 * (6 + 2));
}

}  // namespace
}  // namespace glm_image::test
