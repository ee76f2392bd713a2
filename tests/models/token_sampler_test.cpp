#include "models/generator/token_sampler.h"

#include "core/random.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using models::SamplingOptions;
using models::token_probabilities;

Tensor logits_of(std::vector<float> probabilities) {
  return torch::tensor(probabilities).log();
}

TEST(TokenSampler, WithoutLimitsIsTheSoftmax) {
  const auto logits = at::randn({50});
  EXPECT_TRUE(at::allclose(token_probabilities(logits, {}), at::softmax(logits, 0)));
}

TEST(TokenSampler, TemperatureComesFirst) {
  const auto logits = at::randn({50});
  SamplingOptions options;
  options.temperature = 0.5;
  EXPECT_TRUE(at::allclose(token_probabilities(logits, options), at::softmax(logits * 2, 0)));
}

TEST(TokenSampler, TopPKeepsTheTokenThatCrossesTheThreshold) {
  SamplingOptions options;
  options.top_p = 0.75;
  // Ascending cumulative sums: 0.1, 0.3, 0.6, 1.0. Those up to 0.25 are dropped, i.e. only the
  // first.
  const auto kept = token_probabilities(logits_of({0.4F, 0.1F, 0.3F, 0.2F}), options);
  EXPECT_EQ(kept[1].item<float>(), 0.0F);
  EXPECT_NEAR(kept[0].item<float>(), 0.4 / 0.9, 1e-6);
  EXPECT_NEAR(kept[3].item<float>(), 0.2 / 0.9, 1e-6);
}

TEST(TokenSampler, TopPAlwaysKeepsOne) {
  SamplingOptions options;
  options.top_p = 0.0;
  const auto kept = token_probabilities(logits_of({0.2F, 0.5F, 0.3F}), options);
  EXPECT_TRUE(at::equal(kept, torch::tensor({0.0F, 1.0F, 0.0F})));
}

TEST(TokenSampler, TopKKeepsTheLargest) {
  SamplingOptions options;
  options.top_k = 2;
  const auto kept = token_probabilities(logits_of({0.1F, 0.5F, 0.25F, 0.15F}), options);
  EXPECT_NEAR(kept[1].item<float>(), 0.5 / 0.75, 1e-6);
  EXPECT_NEAR(kept[2].item<float>(), 0.25 / 0.75, 1e-6);
  EXPECT_EQ(kept[0].item<float>() + kept[3].item<float>(), 0.0F);
}

TEST(TokenSampler, TheSeedDeterminesTheTokens) {
  const auto probabilities = at::full({1000}, 0.001F);
  const auto draw = [&](uint64_t seed) {
    auto random = make_random(seed);
    std::vector<int64_t> tokens;
    for (int i = 0; i < 20; ++i) tokens.push_back(models::sample_token(probabilities, random));
    return tokens;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(TokenSampler, RefusesPredictionsThatAreNotFinite) {
  auto random = make_random(1);
  auto logits = at::zeros({8});
  logits[3] = NAN;
  const auto probabilities = token_probabilities(logits, SamplingOptions());
  const auto expect_refused = [&](const auto& sample) {
    expect_error(
        ErrorCode::kInternal, {"not finite", "vision_language_encoder"}, [&] { sample(); });
  };
  expect_refused([&] { models::sample_token(probabilities, random); });
  expect_refused([&] { models::sample_code(probabilities, logits, /*codes=*/4, random); });
}

TEST(TokenSampler, SamplesFollowTheProbabilities) {
  const auto probabilities = torch::tensor({0.7F, 0.0F, 0.3F});
  auto random = make_random(5);
  std::vector<int> counts(3);
  for (int i = 0; i < 4000; ++i) ++counts[models::sample_token(probabilities, random)];
  EXPECT_NEAR(counts[0] / 4000.0, 0.7, 0.03);
  EXPECT_EQ(counts[1], 0);
}

TEST(TokenSampler, SampleCodeAlwaysReturnsACode) {
  auto random = make_random(3);
  const auto logits = torch::tensor({0.0F, 1.0F, 50.0F});  // 2 is a marker, not a code
  SamplingOptions options;
  options.top_p = 0.5;
  const auto probabilities = token_probabilities(logits, options);
  EXPECT_EQ(probabilities[2].item<float>(), 1.0F);
  std::vector<int> counts(2);
  for (int i = 0; i < 200; ++i) ++counts.at(models::sample_code(probabilities, logits, 2, random));
  EXPECT_GT(counts[0], 0);
  EXPECT_GT(counts[1], counts[0]);
}

}  // namespace
}  // namespace glm_image::test
