// Components that stay in memory between requests affect only the time.

#include "pipeline/residency.h"

#include <set>

#include "support/reference.h"

namespace glm_image::test {
namespace {

using pipeline::ComponentNeed;

std::vector<bool> components_that_fit(const std::vector<int64_t>& sizes, int64_t budget) {
  std::vector<ComponentNeed> needs;
  for (const int64_t size : sizes) needs.push_back({size, 0});
  return pipeline::components_that_fit(needs, budget);
}

Request poster_request() {
  Request request;
  request.prompt = "A poster: \"OPEN\"";
  request.width = 96;
  request.height = 64;
  request.steps = 4;
  request.seed = 3;
  return request;
}

Pipeline load_with(Residency residency, int64_t max_memory_bytes = 0) {
  PipelineOptions options;
  options.residency = residency;
  options.max_memory_bytes = max_memory_bytes;
  return Pipeline::load(tiny_model_dir(), options);
}

/// Generates a picture and returns whether weights were read.
bool reads_weights(Pipeline& pipeline, const Request& request) {
  bool reads = false;
  pipeline.generate(request, [&](const Progress& progress) {
    reads = reads || progress.stage == Stage::kReadingWeights;
    return true;
  });
  return reads;
}

using Stays = std::vector<bool>;

TEST(Residency, KeepsTheMostBytesThatFitBesideTheLargestOther) {
  // The published model in bfloat16: generator, glyph encoder, transformer, VAE, in tenths of a GB.
  const std::vector<int64_t> sizes = {188, 8, 138, 8};
  EXPECT_EQ(components_that_fit(sizes, 342), (Stays{true, true, true, true}));
  // With 0.1 GB less the two large ones stay, and the small ones are loaded in turn.
  EXPECT_EQ(components_that_fit(sizes, 341), (Stays{true, false, true, false}));
  EXPECT_EQ(components_that_fit(sizes, 334), (Stays{true, false, true, false}));
  // The generator stays while the transformer is loaded; with less, only the small ones stay.
  EXPECT_EQ(components_that_fit(sizes, 326), (Stays{true, false, false, false}));
  EXPECT_EQ(components_that_fit(sizes, 325), (Stays{false, true, false, true}));
  EXPECT_EQ(components_that_fit(sizes, 204), (Stays{false, true, false, true}));
  EXPECT_EQ(components_that_fit(sizes, 100), (Stays{false, false, false, false}));
}

TEST(Residency, TheSetIsTheBestOfAllSetsWithinTheBudget) {
  const std::vector<int64_t> sizes = {7, 1, 5, 3};
  for (int64_t budget = 0; budget <= 20; ++budget) {
    const auto cost = [&](const Stays& stays) {
      int64_t kept = 0, passing = 0;
      for (size_t i = 0; i < sizes.size(); ++i) {
        if (stays[i]) kept += sizes[i];
        if (!stays[i]) passing = std::max(passing, sizes[i]);
      }
      return std::pair(kept, kept + passing);
    };
    const auto [kept, needed] = cost(components_that_fit(sizes, budget));
    EXPECT_TRUE(kept == 0 || needed <= budget) << budget;
    for (int set = 1; set < 16; ++set) {
      const auto other = cost({(set & 1) != 0, (set & 2) != 0, (set & 4) != 0, (set & 8) != 0});
      EXPECT_FALSE(other.second <= budget && other.first > kept) << budget << " " << set;
    }
  }
}

TEST(Residency, EveryStageNeedsItsWorkingMemoryBesideWhatStays) {
  // The second stage works with 40 beside 10 of its own and what stays of the first.
  const std::vector<ComponentNeed> needs = {{20, 5}, {10, 40}};
  EXPECT_EQ(pipeline::components_that_fit(needs, 70), (Stays{true, true}));
  EXPECT_EQ(pipeline::components_that_fit(needs, 69), (Stays{false, true}));
  EXPECT_EQ(pipeline::components_that_fit(needs, 50), (Stays{false, true}));
  EXPECT_EQ(pipeline::components_that_fit(needs, 49), (Stays{false, false}));
}

TEST(Residency, ASecondPictureReadsNoWeightsIfAllStay) {
  auto all = load_with(Residency::kAll);
  EXPECT_TRUE(reads_weights(all, poster_request()));
  EXPECT_FALSE(reads_weights(all, poster_request()));

  auto none = load_with(Residency::kNone);
  EXPECT_TRUE(reads_weights(none, poster_request()));
  EXPECT_TRUE(reads_weights(none, poster_request()));
}

TEST(Residency, UnloadingMakesTheNextPictureReadTheWeightsAgain) {
  Request request;
  request.prompt = "a pot";
  request.width = request.height = 64;
  request.steps = 1;
  auto pipeline = load_with(Residency::kAll);
  pipeline.unload();  // nothing is there yet
  const auto before = pipeline.generate(request).pictures.at(0).image.pixels;
  pipeline.unload();
  EXPECT_TRUE(reads_weights(pipeline, request));
  EXPECT_FALSE(reads_weights(pipeline, request));
  EXPECT_EQ(pipeline.generate(request).pictures.at(0).image.pixels, before);
}

TEST(Residency, AutoKeepsAsMuchAsMemoryAllows) {
  const auto resident = [](const Pipeline& pipeline) {
    int64_t bytes = 0;
    for (const auto& component : pipeline.info().components) {
      bytes += component.resident ? component.memory_bytes : 0;
    }
    return bytes;
  };
  int64_t all = 0;
  const auto none = load_with(Residency::kNone);
  for (const auto& component : none.info().components) all += component.memory_bytes;
  EXPECT_EQ(resident(none), 0);
  EXPECT_EQ(resident(load_with(Residency::kAuto)), all);
  // What the program and the stage with the most working memory take, at the model's own size.
  Request usual;
  usual.prompt = "a picture";
  const auto plan = none.memory_plan(usual);
  int64_t working = 0;
  for (const auto& stage : plan.stages) working = std::max(working, stage.working);
  const int64_t enough = plan.program + working + all;
  EXPECT_EQ(resident(load_with(Residency::kAuto, enough)), all);
  EXPECT_EQ(resident(load_with(Residency::kAuto, 1)), 0);
  const auto some = resident(load_with(Residency::kAuto, enough - 1));
  EXPECT_GT(some, 0);
  EXPECT_LT(some, all);
  EXPECT_EQ(resident(load_with(Residency::kAll, 1)), all);
  expect_error(ErrorCode::kInvalidInput, {"negative"}, [] { load_with(Residency::kAuto, -1); });
}

TEST(Residency, LoadingVisionInBetweenDoesNotChangePictures) {
  auto edit = poster_request();
  edit.condition_images = {{64, 64, std::vector<uint8_t>(3 * 64 * 64, 90)}};
  auto none = load_with(Residency::kNone), all = load_with(Residency::kAll);
  for (const auto& request : {poster_request(), edit, poster_request(), edit}) {
    EXPECT_EQ(all.generate(request).pictures.at(0).image.pixels,
              none.generate(request).pictures.at(0).image.pixels);
  }
}

}  // namespace
}  // namespace glm_image::test
