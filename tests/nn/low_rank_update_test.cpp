// Layers with low-rank updates against W + scale·up·down multiplied out in float64.

#include "nn/low_rank_update.h"

#include <vector>

#include "nn/cpu_kernels.h"
#include "nn/fused_test_support.h"
#include "nn/modules.h"

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::relative_error;

nn::Linear random_layer(int64_t in, int64_t out, at::ScalarType type) {
  nn::Linear layer(in, out, at::TensorOptions(type));
  const torch::NoGradGuard no_grad;
  layer->weight.set_data(random_tensor({out, in}).to(type));
  layer->bias.set_data(random_tensor({out}).to(type));
  for (auto& parameter : layer->parameters()) parameter.requires_grad_(false);
  return layer;
}

LowRankUpdate random_update(int64_t in, int64_t out, int64_t rank, double scale) {
  return {random_tensor({rank, in}) / 8, random_tensor({out, rank}) / 8, scale};
}

Tensor expected(const LinearImpl& layer, const Tensor& base, const Tensor& x) {
  auto weight = base.to(at::kDouble);
  const auto type = x.scalar_type();
  for (const auto& update : layer.updates) {
    weight = weight + update.scale * at::matmul(update.up.to(type).to(at::kDouble),
                                                update.down.to(type).to(at::kDouble));
  }
  return at::matmul(x.to(at::kDouble), weight.t()) + layer.bias.to(at::kDouble);
}

class LowRankUpdates : public test::FusedKernels {};

TEST_P(LowRankUpdates, MultiplyByTheSumOfWeightAndUpdates) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const int64_t rows : {1, 4, 70}) {
      auto layer = random_layer(48, 30, type);
      attach_update(*layer, "weight", random_update(48, 30, 3, 0.5));
      attach_update(*layer, "weight", random_update(48, 30, 16, -2));
      const auto x = random_tensor({2, rows, 48}).to(type);
      const auto found = layer->forward(x);
      EXPECT_EQ(found.scalar_type(), type);
      EXPECT_EQ(found.sizes(), at::IntArrayRef({2, rows, 30}));
      // The base, the inner and outer product of each update, and each sum are rounded once.
      EXPECT_LT(relative_error(found, expected(*layer, layer->weight, x)),
                type == at::kFloat ? test::kFloat32Rounding : 7 * test::kOneBfloat16Rounding);
    }
  }
}

TEST_P(LowRankUpdates, AreAddedBesideAQuantisedWeight) {
  if constexpr (!kHaveKernels) GTEST_SKIP() << "quantised products need the kernels";
  auto layer = random_layer(64, 30, at::kFloat);
  const auto integers = at::randint(-8, 8, {30, 64}, at::kChar);
  const auto scales = random_tensor({30, 2}) * 0.01;
  layer->quantised = std::make_shared<QuantisedMatrix>(
      QuantisedForm{30, 64, 4, 32, at::kFloat},
      [&](int64_t first, int64_t rows, int8_t* values) {
        std::copy_n(integers.data_ptr<int8_t>() + first * 64, rows * 64, values);
      },
      scales);
  const auto x = random_tensor({9, 64});
  const auto base = layer->forward(x);
  attach_update(*layer, "weight", random_update(64, 30, 4, 1.5));
  const auto& update = layer->updates.front();
  const auto change =
      1.5 * at::matmul(at::matmul(x.to(at::kDouble), update.down.to(at::kDouble).t()),
                       update.up.to(at::kDouble).t());
  EXPECT_LT(relative_error(layer->forward(x), base.to(at::kDouble) + change),
            test::kFloat32Rounding);
}

TEST_P(LowRankUpdates, OfZeroLeaveEveryBit) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    auto layer = random_layer(48, 30, type);
    const auto x = random_tensor({70, 48}).to(type);
    const auto base = layer->forward(x);
    auto update = random_update(48, 30, 4, 1);
    update.up.zero_();
    attach_update(*layer, "weight", update);
    EXPECT_TRUE(at::equal(layer->forward(x), base));
    detach_updates(*layer);
    EXPECT_TRUE(layer->updates.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, LowRankUpdates, test::all_targets(), test::target_name);

/// Gradients of the input and of both factors against autograd's on the multiplied-out weight.
TEST(LowRankUpdate, HasGradients) {
  at::manual_seed(5);
  auto layer = random_layer(24, 20, at::kFloat);
  const auto x = random_tensor({7, 24}).requires_grad_();
  auto update = random_update(24, 20, 4, 0.7);
  update.down.requires_grad_();
  update.up.requires_grad_();
  attach_update(*layer, "weight", update);
  const auto dy = random_tensor({7, 20});
  layer->forward(x).backward(dy);

  std::vector<Tensor> wide;
  for (const auto& leaf : {x, update.down, update.up}) {
    wide.push_back(leaf.detach().to(at::kDouble).requires_grad_());
  }
  const auto weight = layer->weight.to(at::kDouble) + 0.7 * at::matmul(wide[2], wide[1]);
  at::matmul(wide[0], weight.t()).backward(dy.to(at::kDouble));
  EXPECT_LT(relative_error(x.grad(), wide[0].grad()), test::kFloat32Rounding);
  EXPECT_LT(relative_error(update.down.grad(), wide[1].grad()), test::kFloat32Rounding);
  EXPECT_LT(relative_error(update.up.grad(), wide[2].grad()), test::kFloat32Rounding);
  EXPECT_FALSE(layer->weight.grad().defined());
}

TEST(LowRankUpdate, MustFitAWeightOfTheModule) {
  FeedForward module(8, 12, 6, FeedForwardImpl::Activation::kGelu, at::TensorOptions(at::kFloat));
  const auto attach = [&](const std::string& name, int64_t in, int64_t out) {
    attach_update(*module, name, {at::zeros({2, in}), at::zeros({out, 2}), 1});
  };
  attach("net.0.proj.weight", 8, 12);
  attach("net.2.weight", 12, 6);
  const std::string name = "net.0.proj.bias";
  test::expect_error(ErrorCode::kInvalidInput, {name}, [&] { attach(name, 8, 12); });
  test::expect_error(ErrorCode::kInvalidInput, {"net.2.weight", "[6, 12]", "[6, 2]"}, [&] {
    attach("net.2.weight", 8, 6);
  });
  for (const auto& [layer, linear] : linear_layers(*module)) EXPECT_EQ(linear->updates.size(), 1);
}

}  // namespace
}  // namespace glm_image::nn
