// Guarantees of the public interface besides agreement with the reference.

#include "glm_image/pipeline.h"

#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "io/json_file.h"
#include "io/weight_set.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

Request small_request(uint64_t seed = 1) {
  Request request;
  request.prompt = "Une affiche : « Marché de Saaba »";
  request.width = 96;
  request.height = 64;
  request.steps = 2;
  request.seed = seed;
  return request;
}

Pipeline load_tiny() {
  return Pipeline::load(tiny_model_dir());
}

TEST(Pipeline, TheSameRequestGivesTheSamePicture) {
  auto pipeline = load_tiny();
  const auto first = pipeline.generate(small_request()).pictures.at(0).image;
  EXPECT_EQ(first.pixels, pipeline.generate(small_request()).pictures.at(0).image.pixels);
  EXPECT_NE(first.pixels, pipeline.generate(small_request(2)).pictures.at(0).image.pixels);
}

TEST(Pipeline, TwoPipelinesWorkInOneProcess) {
  const auto expected = load_tiny().generate(small_request()).pictures.at(0).image.pixels;
  std::vector<std::vector<uint8_t>> drawn(2);
  std::vector<std::thread> threads;
  for (auto& pixels : drawn) {
    threads.emplace_back(
        [&pixels] { pixels = load_tiny().generate(small_request()).pictures.at(0).image.pixels; });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(drawn[0], expected);
  EXPECT_EQ(drawn[1], expected);
}

TEST(Pipeline, ProgressCountsEveryStageToItsEnd) {
  std::map<Stage, Progress> last;
  load_tiny().generate(small_request(), [&](const Progress& progress) {
    if (last.count(progress.stage) != 0 && progress.step != 0) {
      EXPECT_GE(progress.step, last[progress.stage].step) << stage_name(progress.stage);
    }
    last[progress.stage] = progress;
    return true;
  });
  for (const auto stage : {Stage::kReadingWeights,
                           Stage::kImageTokens,
                           Stage::kSpelling,
                           Stage::kDenoising,
                           Stage::kDecoding}) {
    ASSERT_EQ(last.count(stage), 1U) << stage_name(stage);
    EXPECT_EQ(last[stage].step, last[stage].total) << stage_name(stage);
  }
  // Preview 13×19 and target 2×3.
  EXPECT_EQ(last[Stage::kImageTokens].total, 13 * 19 + 2 * 3);
  EXPECT_EQ(last[Stage::kDenoising].total, 2);
}

TEST(Pipeline, CancelsWithinAStepAtEveryStage) {
  auto pipeline = load_tiny();
  for (const auto stage : {Stage::kReadingWeights,
                           Stage::kImageTokens,
                           Stage::kSpelling,
                           Stage::kDenoising,
                           Stage::kDecoding}) {
    int calls_after = 0;
    bool asked = false;
    expect_error(ErrorCode::kCancelled, {}, [&] {
      pipeline.generate(small_request(), [&](const Progress& progress) {
        if (asked) ++calls_after;
        asked = asked || (progress.stage == stage && progress.step > 0);
        return !asked;
      });
    });
    EXPECT_EQ(calls_after, 0);
  }
  EXPECT_EQ(pipeline.generate(small_request()).pictures.size(), 1U) << "usable after cancelling";
}

TEST(Pipeline, SpellsQuotedAndGivenTexts) {
  auto request = small_request();
  request.texts = {"Entrée libre"};
  EXPECT_EQ(load_tiny().generate(request).spelled_texts,
            (std::vector<std::string>{"Marché de Saaba", "Entrée libre"}));
  request.glyph_rules = GlyphRules::kReference;
  EXPECT_EQ(load_tiny().generate(request).spelled_texts,
            (std::vector<std::string>{"Entrée libre"}));
}

TEST(Pipeline, GivenTextsChangeThePicture) {
  auto pipeline = load_tiny();
  const auto without = pipeline.generate(small_request()).pictures.at(0).image.pixels;
  auto request = small_request();
  request.texts = {"Entrée libre"};
  EXPECT_NE(pipeline.generate(request).pictures.at(0).image.pixels, without);
}

TEST(Pipeline, NonSquareGridsOfManyShapesAreComplete) {
  auto pipeline = load_tiny();
  for (const auto& [width, height] : std::vector<std::pair<int64_t, int64_t>>{
           {32, 32}, {32, 256}, {256, 32}, {160, 96}, {96, 416}}) {
    auto request = small_request();
    request.width = width;
    request.height = height;
    request.steps = 1;
    const auto picture = pipeline.generate(request).pictures.at(0);
    EXPECT_EQ(picture.image.width, width);
    EXPECT_EQ(picture.image.height, height);
    EXPECT_EQ(static_cast<int64_t>(picture.image.pixels.size()), 3 * width * height);
    EXPECT_EQ(picture.composition.picture.width, width / 32);
    for (const int64_t token : picture.composition.picture.tokens) {
      EXPECT_GE(token, 0);
      EXPECT_LT(token, 64);
    }
  }
}

TEST(Pipeline, ShardedWeightsGiveTheSamePicture) {
  const TemporaryDirectory folder;
  fs::copy(tiny_model_dir(), folder.path(), fs::copy_options::recursive);
  const auto component = folder.path() / "transformer";
  const auto whole = io::WeightSet::open(component);
  std::vector<std::pair<std::string, Tensor>> shards[3];
  nlohmann::json weight_map;
  size_t next = 0;
  for (const auto& [name, location] : whole.tensors()) {
    const auto shard = next++ % 3;
    shards[shard].emplace_back(name, location.file->tensor(name).clone());
    weight_map[name] = "part-" + std::to_string(shard) + ".safetensors";
  }
  fs::remove(component / "diffusion_pytorch_model.safetensors");
  for (size_t i = 0; i < 3; ++i) {
    io::write_safetensors(
        component / ("part-" + std::to_string(i) + ".safetensors"), shards[i], {});
  }
  write_file(component / "diffusion_pytorch_model.safetensors.index.json",
             nlohmann::json{{"weight_map", weight_map}}.dump());
  EXPECT_EQ(Pipeline::load(folder.path()).generate(small_request()).pictures.at(0).image.pixels,
            load_tiny().generate(small_request()).pictures.at(0).image.pixels);
}

TEST(Pipeline, ConditionPicturesMayHaveAnySize) {
  auto pipeline = load_tiny();
  for (const auto& [width, height] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {7, 5}, {64, 64}, {333, 200}, {100, 399}, {279, 70}}) {
    auto request = small_request();
    request.steps = 1;
    request.condition_images = {{width, height, std::vector<uint8_t>(3 * width * height, 90)}};
    const auto picture = pipeline.generate(request).pictures.at(0);
    const auto& condition = picture.composition.conditions.at(0);
    EXPECT_EQ(static_cast<int64_t>(condition.tokens.size()), condition.height * condition.width);
  }
  auto request = small_request();
  request.condition_images = {{500, 100, std::vector<uint8_t>(3 * 500 * 100, 90)}};
  expect_error(ErrorCode::kInvalidInput, {"500×100"}, [&] { pipeline.generate(request); });
  request.condition_images = {{50, 100, std::vector<uint8_t>(7, 90)}};
  expect_error(
      ErrorCode::kInvalidInput, {"50×100", "7 bytes"}, [&] { pipeline.generate(request); });
}

TEST(Pipeline, TokensOfAPictureAreThoseOfAConditionPicture) {
  auto pipeline = load_tiny();
  Image image{96, 64, {}};
  for (int64_t i = 0; i < 3 * 96 * 64; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(i * i / 97 % 251));
  }
  auto request = small_request();
  request.condition_images = {image};
  const auto expected = pipeline.generate(request).pictures.at(0).composition.conditions.at(0);
  const auto tokens = pipeline.tokens_of(image);
  EXPECT_EQ(tokens.height, 2);
  EXPECT_EQ(tokens.width, 3);
  EXPECT_EQ(tokens.tokens, expected.tokens);

  // A composition: painted unchanged, without the generator.
  auto painted = small_request();
  painted.composition = Composition{tokens, {}, {}};
  EXPECT_EQ(pipeline.generate(painted).pictures.at(0).composition.picture.tokens, tokens.tokens);

  image.width = 95;
  image.pixels.resize(3 * 95 * 64);
  expect_error(ErrorCode::kInvalidInput, {"95x64", "32"}, [&] { pipeline.tokens_of(image); });
  image.width = 96;
  expect_error(ErrorCode::kInvalidInput, {"96×64"}, [&] { pipeline.tokens_of(image); });
}

TEST(Pipeline, ACompositionWithConditionsNeedsTheirPictures) {
  auto pipeline = load_tiny();
  auto request = small_request();
  request.condition_images = {{64, 64, std::vector<uint8_t>(3 * 64 * 64, 90)}};
  const auto drawn = pipeline.generate(request).pictures.at(0);
  request.composition = drawn.composition;
  EXPECT_EQ(pipeline.generate(request).pictures.at(0).image.pixels, drawn.image.pixels);
  // Not the size that the composition was made from.
  request.condition_images = {{128, 64, std::vector<uint8_t>(3 * 128 * 64, 90)}};
  expect_error(ErrorCode::kInvalidInput, {"2x2", "4x2"}, [&] { pipeline.check(request); });
  request.condition_images.clear();
  expect_error(
      ErrorCode::kInvalidInput, {"condition pictures"}, [&] { pipeline.generate(request); });
}

}  // namespace
}  // namespace glm_image::test
