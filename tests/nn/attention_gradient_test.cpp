// The fused gradient of bfloat16 attention against LibTorch's gradient of the plain form in
// float64.

#include "kernels/bfloat16_dot_product.h"
#include "nn/functional.h"
#include "nn/gradient_test_support.h"

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::relative_error;
using test::run_backward;

struct Shape {
  int64_t batch, queries, keys, heads, key_heads, dim;
};

/// The fused form rounds weights, gradients of scores and results to bfloat16. CPUs without its
/// instructions take LibTorch's operators, which round the scores too: at the largest here, 16 to
/// 32, that changes a weight by up to 6 %.
double attention_gradient_bound() {
#if GLM_IMAGE_HAVE_HIGHWAY
  if (kernels::has_bfloat16_dot_product()) return 1e-2;
#endif
  return 8e-2;
}

void expect_gradients(const Shape& shape, const AttentionOptions& options) {
  SCOPED_TRACE(concat(shape.queries,
                      " queries, ",
                      shape.keys,
                      " keys, ",
                      shape.heads,
                      "/",
                      shape.key_heads,
                      " heads of ",
                      shape.dim));
  const auto heads = [&](int64_t tokens, int64_t count) {
    return random_tensor({shape.batch, tokens, count, shape.dim}).to(at::kBFloat16);
  };
  // Scores of about ±4 make the weights unequal.
  const std::vector<Tensor> narrow = {heads(shape.queries, shape.heads) * 2,
                                      heads(shape.keys, shape.key_heads) * 2,
                                      heads(shape.keys, shape.key_heads)};
  std::vector<Tensor> wide;
  for (const auto& input : narrow) wide.push_back(input.to(at::kDouble));
  const auto dy = heads(shape.queries, shape.heads).to(at::kDouble);
  const auto found =
      run_backward([&](const auto& t) { return attention(t[0], t[1], t[2], options); }, narrow, dy);
  const auto expected = run_backward(
      [&](const auto& t) { return plain::attention(t[0], t[1], t[2], options); }, wide, dy);
#if GLM_IMAGE_HAVE_HIGHWAY
  if (kernels::has_bfloat16_dot_product()) {
    EXPECT_NE(found.out.grad_fn()->name().find("Attention"), std::string::npos);
  }
#endif
  for (size_t i = 0; i < narrow.size(); ++i) {
    EXPECT_EQ(found.gradients[i].scalar_type(), at::kBFloat16);
    EXPECT_LT(relative_error(found.gradients[i], expected.gradients[i]), attention_gradient_bound())
        << i;
  }
}

/// With dot products of pairs, and with tiles if the CPU has them.
class AttentionGradient : public testing::TestWithParam<bool> {
 protected:
#if GLM_IMAGE_HAVE_HIGHWAY
  void SetUp() override {
    kernels::allow_bfloat16_tiles(GetParam());
  }
  void TearDown() override {
    kernels::allow_bfloat16_tiles(true);
  }
#endif
};

TEST_P(AttentionGradient, OfManyShapes) {
  at::manual_seed(1);
  // Keys: fewer than a tile, and remainders. Queries: fewer than a block, and remainders.
  // Dimensions that do not fill a vector, and several panels.
  for (const auto& shape : std::vector<Shape>{{2, 1, 3, 1, 1, 32},
                                              {2, 5, 5, 2, 2, 32},
                                              {1, 64, 66, 2, 2, 32},
                                              {2, 65, 67, 3, 3, 64},
                                              {1, 280, 280, 2, 2, 32},
                                              {2, 130, 71, 1, 1, 16},
                                              {1, 70, 90, 2, 2, 40},
                                              {1, 33, 50, 2, 2, 6},
                                              {1, 40, 50, 1, 1, 128},
                                              {1, 40, 50, 1, 1, 136}}) {
    expect_gradients(shape, {});
  }
}

TEST_P(AttentionGradient, OfSharedKeys) {
  at::manual_seed(2);
  expect_gradients({2, 70, 70, 6, 2, 32}, {});
}

TEST_P(AttentionGradient, UnderACausalMask) {
  at::manual_seed(3);
  AttentionOptions options;
  options.causal = true;
  expect_gradients({2, 7, 7, 2, 2, 32}, options);
  expect_gradients({1, 200, 200, 4, 2, 32}, options);
  expect_gradients({1, 70, 150, 2, 2, 64}, options);  // with earlier keys in a cache
}

TEST_P(AttentionGradient, UnderAKeyMask) {
  at::manual_seed(4);
  AttentionOptions options;
  options.key_mask = at::rand({3, 90}) < 0.6;
  options.key_mask.select(1, 0).fill_(true);
  expect_gradients({3, 80, 90, 2, 2, 32}, options);
  options.scale = 0.5;
  expect_gradients({3, 80, 90, 4, 2, 32}, options);
  options.causal = true;
  expect_gradients({3, 90, 90, 2, 1, 32}, options);
}

TEST_P(AttentionGradient, IsZeroWhereAllKeysAreMasked) {
  const auto leaf = [] { return random_tensor({1, 9, 1, 32}).to(at::kBFloat16).requires_grad_(); };
  if (!kernels::has_bfloat16_dot_product()) GTEST_SKIP() << "this CPU takes the plain form";
  const auto q = leaf(), k = leaf(), v = leaf();
  AttentionOptions options;
  options.key_mask = at::zeros({1, 9}, at::kBool);
  attention(q, k, v, options).sum().backward();
  for (const auto& input : {q, k, v}) EXPECT_EQ(input.grad().abs().max().item<float>(), 0);
}

TEST_P(AttentionGradient, OfStridedHeadsAndGradients) {
  // Heads of a joint projection, and a gradient that is stored by head.
  at::manual_seed(5);
  const auto joint = random_tensor({2, 50, 3, 2, 32});
  const auto dy = random_tensor({2, 2, 50, 32});
  const auto run = [&](at::ScalarType type, const auto& form) {
    const auto leaf = joint.to(at::kBFloat16).to(type).requires_grad_();
    const auto out = form(leaf.select(2, 0), leaf.select(2, 1), leaf.select(2, 2), {});
    out.transpose(1, 2).backward(dy.to(at::kBFloat16).to(type));
    return leaf.grad();
  };
  EXPECT_LT(relative_error(run(at::kBFloat16, nn::attention), run(at::kDouble, plain::attention)),
            attention_gradient_bound());
}

TEST_P(AttentionGradient, IsBitwiseIndependentOfTheThreads) {
  const int threads = at::get_num_threads();
  const auto gradients = [](int count) {
    at::set_num_threads(count);
    at::manual_seed(6);
    const auto x = random_tensor({3, 100, 4, 32}).to(at::kBFloat16).requires_grad_();
    attention(x, x * 2, x * 3, {}).square().sum().backward();
    return x.grad();
  };
  const auto one = gradients(1), two = gradients(2);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one, two));
}

INSTANTIATE_TEST_SUITE_P(Forms, AttentionGradient, testing::Bool(), [](const auto& tested) {
  return tested.param ? "Tiles" : "Pairs";
});

}  // namespace
}  // namespace glm_image::nn
