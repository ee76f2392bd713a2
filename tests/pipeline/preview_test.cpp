// Previews of a picture.

#include <cmath>
#include <cstdlib>

#include "glm_image/pipeline.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

Pipeline load(Residency residency = Residency::kAll) {
  PipelineOptions options;
  options.residency = residency;
  return Pipeline::load(tiny_model_dir(), options);
}

Request request_with(int64_t previews) {
  Request request;
  request.prompt = "A poster: \"OPEN\"";
  request.width = 96;
  request.height = 64;
  request.steps = 8;
  request.seed = 3;
  request.previews = previews;
  return request;
}

struct Look {
  Preview preview;
  Stage stage;   // the last reported stage other than previewing
  int64_t step;  // of this stage
};

std::vector<Look> looks_of(Pipeline& pipeline, const Request& request, Result* result = nullptr) {
  std::vector<Look> looks;
  Progress last;
  auto drawn = pipeline.generate(
      request,
      [&](const Progress& progress) {
        if (progress.stage != Stage::kPreviewing) last = progress;
        return true;
      },
      [&](const Preview& preview) {
        looks.push_back({preview, last.stage, last.step});
      });
  if (result != nullptr) *result = std::move(drawn);
  return looks;
}

double mean_difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

TEST(Preview, TheFirstComesFromThePreviewGridBeforeTheTargetGridIsWritten) {
  auto pipeline = load();
  const auto looks = looks_of(pipeline, request_with(3));
  ASSERT_EQ(looks.size(), 3U);
  EXPECT_TRUE(looks[0].preview.is_draft);
  EXPECT_EQ(looks[0].stage, Stage::kImageTokens);
  // The preview grid of a 3:2 picture is 13×19.
  EXPECT_EQ(looks[0].step, 13 * 19);
  EXPECT_EQ(looks[0].preview.image.height, 13 * 32);
  EXPECT_EQ(looks[0].preview.image.width, 19 * 32);
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_FALSE(looks[i].preview.is_draft);
    EXPECT_EQ(looks[i].stage, Stage::kDenoising);
    EXPECT_EQ(looks[i].preview.index, static_cast<int64_t>(i));
    EXPECT_EQ(looks[i].preview.image.width, 96);
  }
}

TEST(Preview, DenoiserPreviewsApproachThePicture) {
  auto pipeline = load();
  Result result;
  const auto looks = looks_of(pipeline, request_with(8), &result);
  ASSERT_EQ(looks.size(), 8U);
  const auto& picture = result.pictures.at(0).image;
  const double early = mean_difference(looks[1].preview.image, picture);
  const double late = mean_difference(looks[7].preview.image, picture);
  EXPECT_GT(early, 0);
  EXPECT_LT(late, early / 2);
}

TEST(Preview, PreviewsDoNotChangeThePicture) {
  auto pipeline = load();
  auto request = request_with(0);
  request.count = 2;
  const auto without = pipeline.generate(request);
  request.previews = 4;
  Result with;
  EXPECT_EQ(looks_of(pipeline, request, &with).size(), 8U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(with.pictures[i].image.pixels, without.pictures[i].image.pixels);
  }
}

TEST(Preview, WithoutResidentStagesOnlyTheDenoiserGivesPreviews) {
  auto pipeline = load(Residency::kNone);
  const auto looks = looks_of(pipeline, request_with(2));
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_FALSE(looks[0].preview.is_draft);
}

TEST(Preview, FewStepsGiveFewPreviews) {
  auto pipeline = load();
  auto request = request_with(4);
  request.steps = 1;
  EXPECT_EQ(looks_of(pipeline, request).size(), 1U);
}

TEST(Preview, EditsGivePreviewsWhileDenoising) {
  auto pipeline = load();
  auto request = request_with(2);
  request.condition_images = {{64, 64, std::vector<uint8_t>(3 * 64 * 64, 90)}};
  const auto looks = looks_of(pipeline, request);
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_FALSE(looks[0].preview.is_draft);
}

TEST(Preview, ACancelledDraftStopsTheRun) {
  auto pipeline = load();
  bool drafting = false;
  int calls_after = 0;
  expect_error(ErrorCode::kCancelled, {}, [&] {
    pipeline.generate(
        request_with(1),
        [&](const Progress& progress) {
          if (drafting) ++calls_after;
          drafting = drafting || progress.stage == Stage::kPreviewing;
          return !drafting;
        },
        [](const Preview&) { ADD_FAILURE() << "shown after cancelling"; });
  });
  EXPECT_EQ(calls_after, 0);
}

TEST(Preview, PreviewTimeIsReportedAsASeparateStage) {
  auto pipeline = load();
  Result result;
  looks_of(pipeline, request_with(2), &result);
  std::vector<Stage> stages;
  for (const auto& report : result.stages) stages.push_back(report.stage);
  EXPECT_EQ(stages,
            (std::vector<Stage>{Stage::kReadingWeights,
                                Stage::kImageTokens,
                                Stage::kPreviewing,
                                Stage::kSpelling,
                                Stage::kDenoising,
                                Stage::kDecoding}));
}

TEST(Preview, TheResultCountsTokens) {
  auto pipeline = load();
  auto request = request_with(0);
  request.count = 2;
  auto result = pipeline.generate(request);
  EXPECT_EQ(result.generated_tokens, 2 * (13 * 19 + 2 * 3));
  EXPECT_EQ(result.condition_tokens, 0);
  const int64_t prompt_tokens = result.prompt_tokens;
  EXPECT_GT(prompt_tokens, 0);
  request.prompt += " and more";
  EXPECT_GT(pipeline.generate(request).prompt_tokens, prompt_tokens);
  request.condition_images = {{64, 64, std::vector<uint8_t>(3 * 64 * 64, 90)}};
  result = pipeline.generate(request);
  const auto& grid = result.pictures.at(0).composition.conditions.at(0);
  EXPECT_EQ(result.condition_tokens, grid.height * grid.width);
}

TEST(Preview, CheckRefusesWhatGenerateWouldAndFillsInTheSize) {
  const auto pipeline = load();
  auto request = request_with(2);
  request.width = request.height = 0;
  EXPECT_EQ(pipeline.check(request).width, 1024);
  request.previews = 9;
  expect_error(ErrorCode::kInvalidInput, {"previews", "9"}, [&] { pipeline.check(request); });
  request = request_with(0);
  request.prompt = std::string(60000, 'x');
  expect_error(ErrorCode::kInvalidInput, {"too long"}, [&] { pipeline.check(request); });
}

}  // namespace
}  // namespace glm_image::test
