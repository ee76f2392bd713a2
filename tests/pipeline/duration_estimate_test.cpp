// How long a request takes, predicted from those before it.

#include "pipeline/duration_estimate.h"

#include "pipeline/shorter_edit.h"
#include "support/checked_request.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

using pipeline::DurationEstimate;
using pipeline::TimeLeft;

/// With condition pictures of these sizes.
Request request_for(int64_t side, std::vector<PictureSize> conditions = {}) {
  auto request = checked_request("at night", side, side, /*steps=*/10, /*guidance=*/1.5);
  request.condition_sizes = std::move(conditions);
  return request;
}

Request one_evaluation(int64_t side, std::vector<PictureSize> conditions = {}) {
  auto request = request_for(side, std::move(conditions));
  request.steps = 1;
  request.guidance = 1;
  return request;
}

Result result_with(std::vector<StageReport> stages) {
  Result result;
  result.stages = std::move(stages);
  return result;
}

/// Rates of a machine, from one picture without condition pictures.
DurationEstimate learnt_from_a_picture() {
  DurationEstimate estimate;
  estimate.learn(request_for(1024),
                 result_with({{Stage::kReadingWeights, 20, 0},
                              {Stage::kImageTokens, 300, 0},
                              {Stage::kDenoising, 2000, 0},
                              {Stage::kDecoding, 70, 0}}));
  return estimate;
}

/// The numbers of docs/performance.md ("In 4 bits").
TEST(DurationEstimate, PredictsAMeasuredEditFromAPictureOfAnotherSize) {
  DurationEstimate estimate;
  estimate.learn(one_evaluation(1024),
                 result_with({{Stage::kReadingWeights, 24, 0},
                              {Stage::kImageTokens, 327, 0},
                              {Stage::kDenoising, 167, 0},
                              {Stage::kDecoding, 70, 0}}));
  const auto edit = one_evaluation(512, {{1024, 1024}});
  EXPECT_NEAR(estimate.seconds(edit, Stage::kReadingPictures).value(), 48, 0.2 * 48);
  EXPECT_NEAR(estimate.seconds(edit, Stage::kImageTokens).value(), 60, 0.4 * 60);
  EXPECT_NEAR(estimate.seconds(edit, Stage::kDenoising).value(), 189, 0.2 * 189);
  EXPECT_NEAR(estimate.seconds(edit, Stage::kDecoding).value(), 17, 0.2 * 17);
  EXPECT_NEAR(estimate.seconds(edit).value(), 343, 0.2 * 343);
}

TEST(DurationEstimate, MoreAndLargerConditionPicturesTakeLonger) {
  const auto estimate = learnt_from_a_picture();
  for (const auto stage : {Stage::kReadingPictures, Stage::kImageTokens, Stage::kDenoising}) {
    double last = -1;
    for (const auto& conditions :
         std::vector<std::vector<PictureSize>>{{{512, 512}},
                                               {{1024, 512}},
                                               {{1024, 1024}},
                                               {{1024, 1024}, {512, 512}},
                                               {{2048, 1536}},
                                               {{2048, 1536}, {2048, 1536}}}) {
      const double seconds = estimate.seconds(request_for(512, conditions), stage).value();
      EXPECT_GT(seconds, last) << stage_name(stage);
      last = seconds;
    }
  }
  const auto of = [&](const Request& request) {
    return estimate.seconds(request, Stage::kDenoising).value();
  };
  EXPECT_EQ(estimate.seconds(request_for(512), Stage::kReadingPictures), 0);
  // A picture four times as large takes more than four times as long, as attention is quadratic.
  EXPECT_GT(of(request_for(1024)), 4 * of(request_for(512)));
  EXPECT_LT(of(request_for(1024)), 6 * of(request_for(512)));
  // Each guided step attends to the condition pictures once, not twice: without guidance the
  // condition pictures cost as much.
  auto unguided = request_for(512), unguided_edit = request_for(512, {{1024, 1024}});
  unguided.guidance = unguided_edit.guidance = 1;
  EXPECT_NEAR(of(request_for(512, {{1024, 1024}})) - of(request_for(512)),
              of(unguided_edit) - of(unguided),
              1e-6);
  // They are read once, whatever the number of steps and pictures.
  auto more_steps = unguided, more_steps_edit = unguided_edit;
  more_steps.steps = more_steps_edit.steps = 20;
  const double ten = of(unguided_edit) - of(unguided);
  const double twenty = of(more_steps_edit) - of(more_steps);
  EXPECT_LT(twenty, 2 * ten);
  EXPECT_GT(twenty, ten);
}

TEST(DurationEstimate, LearntRatesPredictTheSameRequest) {
  const auto edit = request_for(512, {{1024, 768}, {512, 512}});
  const auto result = result_with({{Stage::kReadingWeights, 5, 0},
                                   {Stage::kReadingPictures, 31, 0},
                                   {Stage::kImageTokens, 47, 0},
                                   {Stage::kSpelling, 1, 0},
                                   {Stage::kDenoising, 211, 0},
                                   {Stage::kDecoding, 13, 0}});
  DurationEstimate estimate;
  EXPECT_FALSE(estimate.seconds(edit));
  estimate.learn(edit, result);
  for (const auto& stage : result.stages) {
    if (stage.stage == Stage::kReadingWeights || stage.stage == Stage::kSpelling) continue;
    EXPECT_NEAR(estimate.seconds(edit, stage.stage).value(), stage.seconds, 1e-9);
  }
  EXPECT_NEAR(estimate.seconds(edit).value(), 308, 1e-9);
  const auto stored = DurationEstimate::from_json(estimate.to_json());
  EXPECT_NEAR(stored.seconds(edit).value(), 308, 1e-9);
  // A machine becomes faster: the estimate follows.
  auto faster = result;
  for (auto& stage : faster.stages) stage.seconds /= 2;
  estimate.learn(edit, faster);
  EXPECT_LT(estimate.seconds(edit).value(), 308);
  EXPECT_GT(estimate.seconds(edit).value(), 154);
}

TEST(DurationEstimate, RatesOfOlderCachesAreRead) {
  const auto old = DurationEstimate::from_json(
      {{"token", 0.25}, {"denoised_pixel", 1e-4}, {"decoded_pixel", 7e-5}, {"rest", 25}});
  EXPECT_TRUE(old.seconds(request_for(1024)));
  EXPECT_TRUE(old.seconds(request_for(1024, {{1024, 1024}})));
  EXPECT_FALSE(DurationEstimate::from_json({{"token", 0.25}, {"rest", "x"}, {"decoded_pixel", -1}})
                   .seconds(request_for(1024)));
}

// Attention costs a narrow transformer relatively more.
TEST(DurationEstimate, TheModelsWidthDecidesAboutAttention) {
  const io::Json rates = {
      {"token", 0.25}, {"denoised_pixel", 1e-4}, {"decoded_pixel", 7e-5}, {"rest", 25}};
  const auto share = [&](double attention_tokens) {
    const auto estimate = DurationEstimate::from_json(rates, attention_tokens);
    return estimate.seconds(request_for(512, {{1024, 1024}}), Stage::kDenoising).value() /
           estimate.seconds(request_for(512), Stage::kDenoising).value();
  };
  EXPECT_GT(share(6 * 256), share(6 * 4096));
}

TEST(TimeLeft, FallsThroughTheStagesOfAnEdit) {
  const auto estimate = learnt_from_a_picture();
  const auto edit = request_for(512, {{2048, 1536}});
  const double all = estimate.seconds(edit).value();
  const double reading = estimate.seconds(edit, Stage::kReadingPictures).value();
  const double tokens = estimate.seconds(edit, Stage::kImageTokens).value();
  const double denoising = estimate.seconds(edit, Stage::kDenoising).value();
  const double decoding = estimate.seconds(edit, Stage::kDecoding).value();
  ASSERT_GT(denoising, 60);
  TimeLeft left(estimate, edit);
  const double rest = 20;  // which is not counted
  EXPECT_NEAR(left.seconds({Stage::kReadingWeights, 0, 10, 0}, 0).value(), all - rest, 1e-6);
  // The vision encoder takes a part of the time, the VAE the rest.
  EXPECT_NEAR(
      left.seconds({Stage::kReadingPictures, 0, 100, 0}, 10).value(), all - rest - 10, 1e-6);
  EXPECT_NEAR(left.seconds({Stage::kImageTokens, 0, 256, 0}, 0).value(), all - rest - 10, 1e-6);
  EXPECT_NEAR(left.seconds({Stage::kImageTokens, 0, 256, 0}, 5).value(), all - rest - 15, 1e-6);
  EXPECT_NEAR(left.seconds({Stage::kReadingPictures, 0, 100, 0}, 0).value(),
              reading - 10 + denoising + decoding,
              1e-6);
  EXPECT_GT(tokens, 5);
  // It does not stand still while the first step lasts.
  EXPECT_NEAR(left.seconds({Stage::kDenoising, 0, 10, 0}, 0).value(), denoising + decoding, 1e-6);
  EXPECT_NEAR(
      left.seconds({Stage::kDenoising, 0, 10, 0}, 60).value(), denoising - 60 + decoding, 1e-6);
  // The condition pictures were read before the first step: the others are faster.
  left.seconds({Stage::kDenoising, 1, 10, 0}, 100);
  EXPECT_NEAR(left.seconds({Stage::kDenoising, 2, 10, 0}, 120).value(), 8 * 20 + decoding, 1e-6);
  EXPECT_NEAR(left.seconds({Stage::kDecoding, 50, 100, 0}, 4).value(), 4, 1e-6);
}

TEST(TimeLeft, AnEstimateThatIsEvidentlyWrongIsNotTold) {
  const auto estimate = DurationEstimate::from_json(
      {{"token", 1e-3}, {"denoised_pixel", 1e-9}, {"decoded_pixel", 1e-6}, {"rest", 1}});
  const auto request = request_for(512);
  TimeLeft left(estimate, request);
  EXPECT_TRUE(left.seconds({Stage::kDenoising, 0, 10, 0}, 1));
  EXPECT_FALSE(left.seconds({Stage::kDenoising, 0, 10, 0}, 1800));
  // The pace of the present stage predicts better.
  EXPECT_TRUE(left.seconds({Stage::kDenoising, 1, 10, 0}, 1900));
}

ModelInfo model_of(int64_t parameters, const std::string& device = "cpu") {
  ModelInfo model;
  model.device = device;
  model.components.resize(1);
  model.components.front().name = "transformer";
  model.components.front().parameters = parameters;
  return model;
}

TEST(ShorterEdit, ALongEditIsToldWhatMakesItShorter) {
  const auto estimate = learnt_from_a_picture();
  const auto nano = model_of(10'000'000), large = model_of(7'000'000'000);
  const auto edit = request_for(512, {{2048, 1536}});
  const auto shorter = pipeline::shorter_edit(edit, nano, estimate);
  ASSERT_TRUE(shorter);
  EXPECT_EQ(shorter->reference_pixels, 512 * 512);
  EXPECT_EQ(shorter->seconds, estimate.seconds(edit));
  EXPECT_LT(shorter->seconds_if_asked.value(), 0.8 * shorter->seconds.value());
  // Before anything was measured the size of the model decides.
  EXPECT_TRUE(pipeline::shorter_edit(edit, large, {}));
  EXPECT_FALSE(pipeline::shorter_edit(edit, nano, {}));
  // Nothing is to be gained, or it was asked for.
  EXPECT_FALSE(pipeline::shorter_edit(request_for(512), large, estimate));
  EXPECT_FALSE(pipeline::shorter_edit(request_for(512, {{512, 512}}), large, estimate));
  EXPECT_FALSE(pipeline::shorter_edit(edit, model_of(7'000'000'000, "cuda"), estimate));
  auto asked = edit;
  asked.reference_pixels = 1'000'000;
  EXPECT_FALSE(pipeline::shorter_edit(asked, large, estimate));
  const auto fast = DurationEstimate::from_json(
      {{"token", 1e-3}, {"denoised_pixel", 1e-8}, {"decoded_pixel", 1e-7}, {"rest", 1}});
  EXPECT_FALSE(pipeline::shorter_edit(edit, large, fast));
}

}  // namespace
}  // namespace glm_image::test
