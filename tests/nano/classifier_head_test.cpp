#include "nano/training/classifier_head.h"

#include <gtest/gtest.h>

#include <cmath>

#include "nn/parameter.h"

namespace glm_image::nano {
namespace {

TEST(ClassifierHead, SplitsTheLogitsByQuestion) {
  const at::NoGradGuard no_grad;
  ClassifierHead head(4, std::vector<int64_t>{2, 3}, at::TensorOptions(at::kFloat));
  nn::materialize(*head);
  at::manual_seed(1);
  for (auto& weight : head->parameters()) weight.normal_();
  const auto hidden = at::randn({2, 3, 4});
  const auto logits = head->logits(hidden);
  ASSERT_EQ(logits.size(), 2U);
  const auto all = at::matmul(hidden, head->weight.t()) + head->bias;
  EXPECT_TRUE(at::allclose(logits[0], all.flatten(0, 1).narrow(1, 0, 2), 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(logits[1], all.flatten(0, 1).narrow(1, 2, 3), 1e-5, 1e-6));
  // The layer norm removes the mean and the scale.
  EXPECT_TRUE(at::allclose(
      head->normed_logits(hidden)[0], head->normed_logits(3 * hidden + 7)[0], 1e-3, 1e-3));
}

TEST(Classify, CountsOnlyQuestionsWithAnAnswer) {
  const auto logits = torch::tensor({{2.0F, 0.0F}, {0.0F, 2.0F}, {5.0F, 1.0F}});
  const auto result = classify(logits, torch::tensor({int64_t{0}, int64_t{0}, kNoAnswer}));
  const double right = std::log(1 + std::exp(-2.0)), wrong = right + 2;
  EXPECT_NEAR(result.losses[0].item<double>(), right, 1e-5);
  EXPECT_NEAR(result.losses[1].item<double>(), wrong, 1e-5);
  EXPECT_EQ(result.losses[2].item<double>(), 0);
  EXPECT_NEAR(result.loss().item<double>(), (right + wrong) / 2, 1e-5);
  EXPECT_EQ(result.accuracy().item<double>(), 0.5);
}

TEST(Classify, WithoutAnswersTheLossIsZeroAndTheAccuracyUnknown) {
  const auto result = classify(at::randn({3, 2}), at::full({3}, kNoAnswer, at::kLong));
  EXPECT_EQ(result.loss().item<double>(), 0);
  EXPECT_TRUE(std::isnan(result.accuracy().item<double>()));
}

}  // namespace
}  // namespace glm_image::nano
