// The form of attention follows the weights of the layers that make its heads.

#include "core/cpu_level.h"
#include "kernels/quantised_attention.h"
#include "nn/fused_test_support.h"
#include "nn/modules.h"
#include "nn/random_weight.h"
#include "nn/recompute.h"

#if GLM_IMAGE_HAVE_HIGHWAY

namespace glm_image::nn {
namespace {

using test::random_tensor;
using test::RandomWeight;
using test::relative_error;

class ProjectedAttentionTest : public testing::Test {
 protected:
  ProjectedAttentionTest() {
    at::manual_seed(17);
    for (auto* x : {&q_, &k_, &v_}) *x = random_tensor({1, 70, 4, 32}).to(at::kBFloat16);
  }
  ~ProjectedAttentionTest() override { limit_cpu(level_); }

  static std::vector<Linear> layers() {
    const auto layer = [] { return Linear(64, 64, at::TensorOptions(at::kBFloat16)); };
    return {layer(), layer(), layer()};
  }
  static void quantise(const std::vector<Linear>& layers) {
    // The matrix belongs to the weight.
    const auto weight = std::make_shared<RandomWeight>(64, 64, 8, 64, at::kFloat);
    for (Linear layer : layers) {
      layer->quantised = std::shared_ptr<const QuantisedMatrix>(weight, &weight->matrix);
    }
  }
  Tensor with(const std::vector<Linear>& layers) const {
    return ProjectedAttention(layers).forward(q_, k_, v_, {});
  }
  Tensor plain() const { return attention(q_, k_, v_, {}); }

  const CpuLevel level_ = cpu_level();
  const at::NoGradGuard no_grad_;
  Tensor q_, k_, v_;
};

TEST_F(ProjectedAttentionTest, OfWeightsThatAreNotQuantisedIsPlainAttention) {
  EXPECT_TRUE(at::equal(with(layers()), plain()));
}

TEST_F(ProjectedAttentionTest, OneLayerThatIsNotQuantisedIsEnough) {
  const auto all = layers();
  quantise({all[0], all[2]});
  EXPECT_TRUE(at::equal(with(all), plain()));
}

TEST_F(ProjectedAttentionTest, OfQuantisedWeightsIsQuantisedWhereTheCpuIsFasterWithIt) {
  const auto all = layers();
  quantise(all);
  const auto found = with(all);
  EXPECT_EQ(at::equal(found, plain()), !kernels::has_quantised_attention());
  EXPECT_LT(relative_error(found, plain::attention(q_, k_, v_, {})), 0.02);
}

TEST_F(ProjectedAttentionTest, ALowerLevelOfTheCpuSwitchesItOff) {
  const auto all = layers();
  quantise(all);
  for (const auto level : cpu_levels()) {
    limit_cpu(level);
    const bool expected = level == CpuLevel::kAvx512Vnni || level == CpuLevel::kAvx512Bf16;
    EXPECT_EQ(kernels::has_quantised_attention(), expected) << cpu_level_name(level);
    EXPECT_EQ(at::equal(with(all), plain()), !expected) << cpu_level_name(level);
  }
}

TEST_F(ProjectedAttentionTest, Float32StaysExact) {
  AttentionOptions quantised;
  quantised.quantised = true;
  const auto q = q_.to(at::kFloat), k = k_.to(at::kFloat), v = v_.to(at::kFloat);
  EXPECT_TRUE(at::equal(attention(q, k, v, quantised), attention(q, k, v, {})));
}

/// A value that a gradient follows, in one pass or recomputed, is the exact one.
TEST_F(ProjectedAttentionTest, TrainingStaysExact) {
  AttentionOptions quantised;
  quantised.quantised = true;
  const at::AutoGradMode gradients(true);
  const auto learned = q_.clone().requires_grad_();
  const auto in_a_block = [&](const AttentionOptions& options) {
    return recompute([&](const Tensor& q) { return attention(q, k_, v_, options); }, learned);
  };
  EXPECT_TRUE(at::equal(attention(q_, k_, v_, quantised), attention(q_, k_, v_, {})))
      << "nothing needs a gradient";
  EXPECT_TRUE(at::equal(attention(learned, k_, v_, quantised), attention(learned, k_, v_, {})));
  EXPECT_TRUE(at::equal(in_a_block(quantised), in_a_block({})));
  EXPECT_FALSE(is_recomputed());
}

}  // namespace
}  // namespace glm_image::nn

#endif
