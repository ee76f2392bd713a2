// Decoding several compositions together.

#include "pipeline/decoding.h"

#include "glm_image/pipeline.h"
#include "support/quantised_copy.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

struct DecodedForm {
  const char* name;
  DataType dtype;
  const char* weights;
};

class DecodingTogether : public testing::TestWithParam<DecodedForm> {};

/// Fewer sequences than a group, exactly one group, and more, for every type of weights.
TEST_P(DecodingTogether, EachCompositionEqualsThatOfItsSeedAlone) {
  const TemporaryDirectory folder;
  auto model = tiny_model_dir();
  if (std::string(GetParam().weights) != "bf16") {
    model = folder.path() / "model";
    write_quantised_copy(tiny_model_dir(), GetParam().weights, model);
  }
  PipelineOptions options;
  options.dtype = GetParam().dtype;
  options.residency = Residency::kAll;
  auto pipeline = Pipeline::load(model, options);
  Request request;
  request.prompt = "Une affiche : « Marché de Saaba »";
  request.width = request.height = 64;
  request.steps = 1;
  const auto generate = [&](uint64_t seed, int64_t count) {
    request.seed = seed;
    request.count = count;
    return pipeline.generate(request).pictures;
  };
  constexpr int64_t kMost = 5;
  std::vector<Picture> alone;
  for (uint64_t seed = 1; seed <= kMost; ++seed) {
    alone.push_back(generate(seed, 1).at(0));
    if (seed > 1) {
      EXPECT_NE(alone[seed - 1].composition.picture.tokens, alone[0].composition.picture.tokens);
    }
  }
  for (const int64_t count : {int64_t{2}, int64_t{4}, kMost}) {
    const auto together = generate(1, count);
    ASSERT_EQ(together.size(), static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(together[i].seed, alone[i].seed);
      EXPECT_EQ(together[i].composition.preview.tokens, alone[i].composition.preview.tokens)
          << i << " of " << count;
      EXPECT_EQ(together[i].composition.picture.tokens, alone[i].composition.picture.tokens)
          << i << " of " << count;
      EXPECT_EQ(together[i].image.pixels, alone[i].image.pixels) << i << " of " << count;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Forms,
                         DecodingTogether,
                         testing::Values(DecodedForm{"float32", DataType::kFloat32, "bf16"},
                                         DecodedForm{"bfloat16", DataType::kBFloat16, "bf16"},
                                         DecodedForm{"q8", DataType::kBFloat16, "q8"},
                                         DecodedForm{"q4", DataType::kFloat32, "q4"}),
                         [](const auto& tested) { return tested.param.name; });

TEST(DecodingTogether, ProgressCountsEveryTokenOfEveryPicture) {
  auto pipeline = Pipeline::load(tiny_model_dir());
  Request request;
  request.prompt = "a pot";
  request.width = request.height = 64;
  request.steps = 1;
  request.count = 5;
  std::vector<int64_t> steps;
  int64_t total = 0;
  pipeline.generate(request, [&](const Progress& progress) {
    if (progress.stage == Stage::kImageTokens) {
      steps.push_back(progress.step);
      total = progress.total;
    }
    return true;
  });
  ASSERT_EQ(static_cast<int64_t>(steps.size()), total + 1);
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i], static_cast<int64_t>(i));
}

}  // namespace
}  // namespace glm_image::test
