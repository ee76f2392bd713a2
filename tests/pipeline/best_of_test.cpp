// Reading texts back, and choosing the best of several compositions, with a verifier that says what
// the test wants.

#include <chrono>

#include "glm_image/pipeline.h"
#include "pipeline/duration_estimate.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

/// Of picture i the first `right[i]` texts are right, the others similar.
class ScriptedVerifier : public TextVerifier {
 public:
  explicit ScriptedVerifier(std::vector<std::size_t> right) : right_(std::move(right)) {}

  void require(const std::vector<std::string>& texts) const override {
    for (const auto& text : texts) {
      if (text == "春节") throw Error(ErrorCode::kUnsupported, "verify needs data for " + text);
    }
  }
  std::vector<TextCheck> verify(const Image& image,
                                const std::vector<std::string>& texts) override {
    images.push_back(image);
    std::vector<TextCheck> checks;
    for (const auto& text : texts) {
      TextCheck check;
      check.text = text;
      const bool is_right = checks.size() < right_.at(images.size() - 1);
      check.state = is_right ? TextState::kFound : TextState::kSimilar;
      check.similarity = is_right ? 1 : 0.5;
      checks.push_back(check);
    }
    return checks;
  }

  std::vector<Image> images;

 private:
  std::vector<std::size_t> right_;
};

Request best_of_request() {
  Request request;
  request.prompt = "a poster with \"OPEN\" and \"DAY\"";
  request.width = 96;
  request.height = 64;
  request.steps = 2;
  request.seed = 5;
  return request;
}

struct PipelineRun {
  explicit PipelineRun(std::vector<std::size_t> right)
      : verifier(std::make_shared<ScriptedVerifier>(std::move(right))) {
    PipelineOptions options;
    options.verifier = verifier;
    pipeline.emplace(Pipeline::load(data_dir() / "tiny" / "model", options));
  }
  std::shared_ptr<ScriptedVerifier> verifier;
  std::optional<Pipeline> pipeline;
};

TEST(BestOf, CandidatesAreThePicturesOfCount) {
  PipelineRun run({0, 0, 0});
  auto wanted = best_of_request();
  wanted.count = 3;
  const auto counted = run.pipeline->generate(wanted);
  EXPECT_TRUE(run.verifier->images.empty());
  EXPECT_TRUE(counted.pictures[0].verification.empty());
  wanted.count = 1;
  wanted.best_of = 3;
  const auto best = run.pipeline->generate(wanted);
  ASSERT_EQ(run.verifier->images.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(run.verifier->images[i].pixels, counted.pictures[i].image.pixels) << i;
  }
  EXPECT_EQ(best.generated_tokens, counted.generated_tokens);
  // Without a better one, the first.
  ASSERT_EQ(best.pictures.size(), 1U);
  EXPECT_EQ(best.pictures[0].seed, wanted.seed);
  EXPECT_EQ(best.candidates, 3);
}

TEST(BestOf, StopsAtTheFirstPictureWhoseTextsAreAllRight) {
  PipelineRun run({1, 2, 2});
  auto wanted = best_of_request();
  wanted.best_of = 3;
  const auto result = run.pipeline->generate(wanted);
  EXPECT_EQ(run.verifier->images.size(), 2U);
  EXPECT_EQ(result.candidates, 2);
  ASSERT_EQ(result.pictures.size(), 1U);
  const auto& picture = result.pictures[0];
  EXPECT_EQ(picture.seed, wanted.seed + 1);
  EXPECT_EQ(picture.image.pixels, run.verifier->images[1].pixels);
  EXPECT_TRUE(all_texts_right(picture.verification));
  // Its seed alone draws it again.
  auto again = best_of_request();
  again.seed = picture.seed;
  EXPECT_EQ(run.pipeline->generate(again).pictures[0].image.pixels, picture.image.pixels);
}

TEST(BestOf, ReturnsTheBestIfNoneIsRight) {
  PipelineRun run({0, 1, 0});
  auto wanted = best_of_request();
  wanted.best_of = 3;
  wanted.previews = 2;
  int previews = 0;
  const auto result = run.pipeline->generate(wanted, {}, [&](const Preview& preview) {
    EXPECT_EQ(preview.picture, 0);
    EXPECT_EQ(preview.index, previews);
    ++previews;
  });
  EXPECT_LE(previews, 2);
  EXPECT_EQ(result.candidates, 3);
  EXPECT_EQ(result.pictures.at(0).seed, wanted.seed + 1);
  EXPECT_FALSE(all_texts_right(result.pictures[0].verification));
}

TEST(BestOf, EveryPictureOfCountIsVerified) {
  PipelineRun run({2, 0});
  auto wanted = best_of_request();
  wanted.count = 2;
  wanted.verify = true;
  std::vector<Stage> stages;
  const auto result = run.pipeline->generate(wanted, [&](const Progress& progress) {
    stages.push_back(progress.stage);
    return true;
  });
  ASSERT_EQ(result.pictures.size(), 2U);
  EXPECT_EQ(result.pictures[0].verification.at(1).text, "DAY");
  EXPECT_TRUE(all_texts_right(result.pictures[0].verification));
  EXPECT_FALSE(all_texts_right(result.pictures[1].verification));
  EXPECT_EQ(stages.back(), Stage::kVerifying);
}

TEST(BestOf, WhatCannotBeVerifiedIsRefusedBeforeDrawing) {
  PipelineRun run({});
  const auto expect_refused = [&](const Request& wrong, const std::string& fragment) {
    for (const bool draws : {false, true}) {
      try {
        draws ? void(run.pipeline->generate(wrong)) : void(run.pipeline->check(wrong));
        ADD_FAILURE() << fragment;
      } catch (const Error& error) {
        EXPECT_TRUE(is_bad_input(error.code()));
        EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
      }
    }
  };
  auto wrong = best_of_request();
  wrong.verify = true;
  wrong.texts = {"春节"};
  expect_refused(wrong, "verify needs data for 春节");
  wrong = best_of_request();
  wrong.verify = true;
  wrong.draft = true;
  expect_refused(wrong, "drafts");
  wrong = best_of_request();
  wrong.best_of = 2;
  wrong.count = 2;
  expect_refused(wrong, "count must be 1");
  wrong.count = 1;
  wrong.best_of = 17;
  expect_refused(wrong, "best-of must be from 1 to 16");
  // Without a verifier.
  auto plain = Pipeline::load(data_dir() / "tiny" / "model");
  auto wanted = best_of_request();
  wanted.verify = true;
  expect_error(ErrorCode::kUnsupported, {"verify"}, [&] { plain.check(wanted); });
}

// A candidate more must not look like a slower machine.
TEST(BestOf, TimesAreLearntPerCandidate) {
  auto checked = best_of_request();
  checked.solver = Solver::kEuler;
  checked.guided = GuidanceInterval();
  checked.guidance_every = 1;
  checked.step_cache = 0;
  Result result;
  result.stages = {
      {Stage::kImageTokens, 6, 0}, {Stage::kDenoising, 6, 0}, {Stage::kDecoding, 3, 0}};
  pipeline::DurationEstimate alone;
  alone.learn(checked, result);
  result.stages = {
      {Stage::kImageTokens, 18, 0}, {Stage::kDenoising, 12, 0}, {Stage::kDecoding, 6, 0}};
  result.candidates = 2;
  checked.best_of = 3;
  pipeline::DurationEstimate best;
  best.learn(checked, result);
  for (const auto stage : {Stage::kImageTokens, Stage::kDenoising, Stage::kDecoding}) {
    EXPECT_DOUBLE_EQ(*best.seconds(best_of_request(), stage),
                     *alone.seconds(best_of_request(), stage));
  }
}

}  // namespace
}  // namespace glm_image::test
