// glm_image.json: the sizes, steps and guidance that a model was trained for.

#include "pipeline/model_profile.h"

#include <map>
#include <set>

#include "core/text_format.h"
#include "io/json_file.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;
using pipeline::load_profile;
using pipeline::size_text;
using pipeline::warnings_of;

const char* const kSmallProfile = R"({
  "sizes": ["96x64", "64x96"],
  "steps": 3,
  "guidance": 2.5,
  "edits": false,
  "examples": [
    {"language": "fr", "prompt": "Une affiche : « Saaba »", "seed": 7, "size": "64x96"},
    {"language": "en", "prompt": "A pot", "seed": 9007199254740991}
  ]
})";

std::vector<std::string> texts_of(const std::vector<PictureSize>& sizes) {
  std::vector<std::string> texts;
  for (const auto& size : sizes) texts.push_back(size_text(size));
  return texts;
}

std::vector<std::string> codes(const std::vector<Warning>& warnings) {
  std::vector<std::string> codes;
  for (const auto& warning : warnings) codes.push_back(warning.code);
  return codes;
}

TEST(ModelProfile, WithoutTheFileHasThePublishedModelsValues) {
  const TemporaryDirectory folder;
  const auto profile = load_profile(folder.path(), 1024);
  EXPECT_EQ(texts_of(profile.sizes),
            (std::vector<std::string>{"1024x1024",
                                      "1184x896",
                                      "896x1184",
                                      "1248x832",
                                      "832x1248",
                                      "1376x768",
                                      "768x1376",
                                      "2048x2048"}));
  EXPECT_EQ(profile.steps, 50);
  EXPECT_EQ(profile.guidance, 1.5);
  EXPECT_TRUE(profile.edits);
  EXPECT_TRUE(profile.examples.empty());
}

TEST(ModelProfile, DefaultSizesForAnySideAreValid) {
  const TemporaryDirectory folder;
  for (int64_t side = 1; side <= 8192; side += side < 64 ? 1 : 37) {
    std::set<std::pair<int64_t, int64_t>> seen;
    for (const auto& [width, height] : load_profile(folder.path(), side).sizes) {
      EXPECT_TRUE(seen.insert({width, height}).second) << side << ": twice";
      EXPECT_TRUE(width % 32 == 0 && height % 32 == 0) << width << "x" << height;
      EXPECT_TRUE(width >= 32 && height >= 32 && width <= 4096 && height <= 4096) << side;
    }
  }
}

TEST(ModelProfile, IsReadFromTheFile) {
  const TemporaryDirectory folder;
  write_file(folder.path() / "glm_image.json", kSmallProfile);
  const auto profile = load_profile(folder.path(), 1024);
  EXPECT_EQ(texts_of(profile.sizes), (std::vector<std::string>{"96x64", "64x96"}));
  EXPECT_EQ(profile.steps, 3);
  EXPECT_EQ(profile.guidance, 2.5);
  EXPECT_FALSE(profile.edits);
  ASSERT_EQ(profile.examples.size(), 2U);
  EXPECT_EQ(profile.examples[0].language, "fr");
  EXPECT_EQ(profile.examples[0].prompt, "Une affiche : « Saaba »");
  EXPECT_EQ(profile.examples[0].seed, 7U);
  EXPECT_EQ(size_text(profile.examples[0].size), "64x96");
  EXPECT_EQ(profile.examples[1].seed, 9007199254740991U);
  EXPECT_EQ(size_text(profile.examples[1].size), "96x64") << "the model's own";
}

TEST(ModelProfile, MissingFieldsHaveThePublishedModelsValues) {
  const TemporaryDirectory folder;
  write_file(folder.path() / "glm_image.json", R"({"steps": 8, "guidance": null})");
  const auto profile = load_profile(folder.path(), 1024);
  EXPECT_EQ(profile.steps, 8);
  EXPECT_EQ(profile.guidance, 1.5);
  EXPECT_EQ(profile.sizes.size(), 8U);
}

TEST(ModelProfile, RoundTrip) {
  const TemporaryDirectory folder;
  write_file(folder.path() / "glm_image.json", kSmallProfile);
  const auto json = pipeline::to_json(load_profile(folder.path(), 1024));
  write_file(folder.path() / "glm_image.json", json.dump());
  EXPECT_EQ(pipeline::to_json(load_profile(folder.path(), 512)), json);
}

TEST(ModelProfile, ErrorsNameFileAndField) {
  const TemporaryDirectory folder;
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"([])", "must hold a JSON object"},
      {R"({"step": 20})", "step is not a known key"},
      {R"({"sizes": []})", "sizes must be"},
      {R"({"sizes": "256x256"})", "sizes must be a list"},
      {R"({"sizes": [256]})", "sizes must be a list"},
      {R"({"sizes": ["256"]})", "sizes must be a list of WIDTHxHEIGHT"},
      {R"({"sizes": ["256x250"]})", "sizes must be"},
      {R"({"sizes": ["0x0"]})", "sizes must be"},
      {R"({"sizes": ["-32x32"]})", "sizes must be"},
      {R"({"sizes": ["4128x32"]})", "sizes must be"},
      {R"({"sizes": ["99999999999999999999x32"]})", "sizes must be"},
      {R"({"sizes": ["256x256 "]})", "sizes must be"},
      {R"({"steps": 0})", "steps must be"},
      {R"({"steps": 1001})", "steps must be"},
      {R"({"steps": 2.5})", "steps must be"},
      {R"({"guidance": 0.5})", "guidance must be"},
      {R"({"guidance": 101})", "guidance must be"},
      {R"({"edits": "no"})", "edits must be true or false"},
      {R"({"examples": {}})", "examples must be a list"},
      {R"({"examples": ["A pot"]})", "examples[0]"},
      {R"({"examples": [{"language": "fr", "seed": 1}]})", "examples[0]: prompt must be"},
      {R"({"examples": [{"language": "fr", "prompt": " ", "seed": 1}]})", "examples[0]: prompt"},
      {R"({"examples": [{"language": "fr", "prompt": "x"}]})", "examples[0]: seed must be"},
      {R"({"examples": [{"language": "fr", "prompt": "x", "seed": -1}]})", "examples[0]: seed"},
      {R"({"examples": [{"prompt": "x", "seed": 1}]})", "examples[0]: language must be"},
      {R"({"examples": [{"language": "French", "prompt": "x", "seed": 1}]})",
       "examples[0]: language must be a language code"},
      {R"({"examples": [{"language": "fr", "prompt": "x", "seed": 1, "size": "1x1"}]})",
       "examples[0]: size must be WIDTHxHEIGHT"},
      {R"({"examples": [{"language": "fr", "prompt": "x", "seed": 1, "steps": 3}]})",
       "examples[0]: steps is not a known key"},
  };
  const auto file = folder.path() / "glm_image.json";
  for (const auto& [json, fragment] : wrong) {
    write_file(file, json);
    SCOPED_TRACE(json);
    expect_error(ErrorCode::kCorruptFile, {file.string(), fragment}, [&] {
      load_profile(folder.path(), 1024);
    });
  }
}

TEST(ModelProfile, WarnsAboutSizesFarFromTheTrainingSizes) {
  ModelProfile small;
  small.sizes = {{256, 256}, {320, 192}, {192, 320}};
  for (const PictureSize near :
       {PictureSize{256, 256}, {320, 192}, {192, 320}, {288, 256}, {256, 224}, {384, 256}}) {
    EXPECT_TRUE(warnings_of(small, near, 0).empty()) << size_text(near);
  }
  for (const PictureSize far :
       {PictureSize{512, 512}, {1024, 1024}, {128, 128}, {32, 32}, {512, 128}, {96, 640}}) {
    const auto warnings = warnings_of(small, far, 0);
    EXPECT_EQ(codes(warnings), (std::vector<std::string>{"size_not_trained"})) << size_text(far);
    EXPECT_NE(warnings.at(0).message.find(size_text(far)), std::string::npos);
    EXPECT_NE(warnings.at(0).message.find("256x256, 320x192, 192x320"), std::string::npos);
  }
  EXPECT_TRUE(warnings_of(small, {0, 0}, 0).empty()) << "the model's own size";

  const TemporaryDirectory folder;
  const auto published = load_profile(folder.path(), 1024);
  for (const PictureSize near :
       {PictureSize{1024, 1024}, {1280, 1280}, {1568, 1056}, {960, 1728}, {2048, 2048}}) {
    EXPECT_TRUE(warnings_of(published, near, 0).empty()) << size_text(near);
  }
  for (const PictureSize far : {PictureSize{512, 512}, {256, 256}, {4096, 4096}, {2048, 512}}) {
    EXPECT_EQ(warnings_of(published, far, 0).size(), 1U) << size_text(far);
  }
}

TEST(ModelProfile, WarnsAboutUntrainedEditing) {
  ModelProfile profile;
  profile.sizes = {{256, 256}};
  EXPECT_TRUE(warnings_of(profile, {256, 256}, 2).empty());
  profile.edits = false;
  EXPECT_TRUE(warnings_of(profile, {256, 256}, 0).empty());
  EXPECT_EQ(codes(warnings_of(profile, {256, 256}, 1)),
            (std::vector<std::string>{"editing_not_trained"}));
  EXPECT_EQ(codes(warnings_of(profile, {512, 512}, 1)),
            (std::vector<std::string>{"size_not_trained", "editing_not_trained"}));
}

TEST(ModelProfile, FillsInUnsetFieldsOfARequest) {
  const TemporaryDirectory folder;
  link_tiny_model(folder.path(), kSmallProfile);
  const auto pipeline = Pipeline::load(folder.path());
  Request request;
  request.prompt = "a pot";
  auto checked = pipeline.check(request);
  EXPECT_EQ(checked.width, 96);
  EXPECT_EQ(checked.height, 64);
  EXPECT_EQ(checked.steps, 3);
  EXPECT_EQ(checked.guidance, 2.5);
  EXPECT_TRUE(pipeline.warnings(checked).empty());

  request.steps = 2;
  request.guidance = 1;
  request.width = request.height = 256;
  checked = pipeline.check(request);
  EXPECT_EQ(checked.steps, 2);
  EXPECT_EQ(checked.guidance, 1);
  EXPECT_EQ(codes(pipeline.warnings(checked)), (std::vector<std::string>{"size_not_trained"}));

  request.condition_images = {{64, 96, std::vector<uint8_t>(64 * 96 * 3, 10)}};
  request.width = request.height = 0;
  EXPECT_EQ(codes(pipeline.warnings(pipeline.check(request))),
            (std::vector<std::string>{"editing_not_trained"}));

  request.steps = 0;
  expect_error(ErrorCode::kInvalidInput, {"steps", "found 0"}, [&] { pipeline.check(request); });
}

TEST(ModelProfile, OfTheShippedModelMatchesItsCard) {
  const auto profile = load_profile(project_dir() / "models" / "nano", 1024);
  const auto card = read_file(project_dir() / "models" / "nano" / "model_card.md");
  EXPECT_NE(card.find(concat("--steps ", profile.steps, " --guidance ", profile.guidance, " ")),
            std::string::npos);
  EXPECT_EQ(size_text(profile.sizes.front()), "256x256");
  // The card states that it was not trained for editing.
  EXPECT_FALSE(profile.edits);
  std::set<std::string> trained;
  const auto config = io::read_json_file(project_dir() / "training" / "nano" / "transformer.json");
  for (const auto& size : config.at("sizes")) {
    trained.insert(size_text({size.at("width"), size.at("height")}));
  }
  for (const auto& size : profile.sizes) EXPECT_EQ(trained.count(size_text(size)), 1U);
  std::map<std::string, int> examples;
  for (const auto& example : profile.examples) {
    ++examples[example.language];
    EXPECT_TRUE(warnings_of(profile, example.size, 0).empty()) << example.prompt;
  }
  EXPECT_GE(examples["fr"], 3);
  EXPECT_GE(examples["en"], 3);
}

}  // namespace
}  // namespace glm_image::test
