// The program with a model that has a glm_image.json, from a user's point of view.

#include <nlohmann/json.hpp>

#include "cli/program_fixture.h"
#include "image/codec.h"

namespace glm_image::test {
namespace {

/// The tiny model with a glm_image.json.
class ProfiledProgram : public Program {
 protected:
  void SetUp() override {
    link_tiny_model(model_.path(), R"({"sizes": ["64x32", "32x64"], "steps": 2, "guidance": 3,
        "edits": false, "examples": [{"language": "fr", "prompt": "L'école", "seed": 4}]})");
  }
  ProgramResult run(const std::string& verb, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {glm_image_program(), verb, "--model", model_.path().string()});
    auto result = run_program(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  }
  nlohmann::json report(const std::string& verb, std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--json", "-q", "-o", path("a.png")});
    const auto result = run(verb, arguments);
    EXPECT_EQ(result.err, "");
    return nlohmann::json::parse(result.out);
  }
  const TemporaryDirectory model_;
};

TEST_F(ProfiledProgram, UsesTheModelsProfile) {
  const auto plain = report("generate", {"-p", "a pot", "--seed", "1"});
  EXPECT_EQ(plain["pictures"][0]["width"], 64);
  EXPECT_EQ(plain["pictures"][0]["height"], 32);
  EXPECT_EQ(plain["steps"], 2);
  EXPECT_EQ(plain["guidance"], 3);
  EXPECT_TRUE(plain["warnings"].empty());
  // The picture contains its generation parameters, whatever the model's defaults become.
  const auto drawn = image::read_image(path("a.png")).pixels;
  write_file(model_.path() / "glm_image.json", R"({"sizes": ["32x32"], "steps": 1})");
  const auto again = report("generate", {"--like", path("a.png")});
  EXPECT_EQ(again["steps"], 2);
  EXPECT_EQ(again["guidance"], 3);
  EXPECT_EQ(image::read_image(path("a.png")).pixels, drawn);
}

TEST_F(ProfiledProgram, WarnsBeforeItDraws) {
  const auto large = run("generate", {"-p", "x", "--size", "128x128", "-o", path("a.png")});
  EXPECT_EQ(large.err.rfind("warning: the size 128x128 is far from", 0), 0U) << large.err;
  EXPECT_NE(large.err.find("64x32, 32x64"), std::string::npos) << large.err;
  const auto edited = run("edit", {"-i", path("a.png"), "-p", "x", "-o", path("b.png")});
  EXPECT_NE(edited.err.find("not trained to edit"), std::string::npos) << edited.err;
  EXPECT_EQ(report("edit", {"-i", path("a.png"), "-p", "x"})["warnings"].size(), 2U);
}

TEST_F(ProfiledProgram, InfoShowsTheModelsProfile) {
  const auto info = run("info", {}).out;
  for (const char* fragment : {"64x32 32x64",
                               "--size 64x32 --steps 2 --guidance 3",
                               "not trained",
                               R"(--prompt 'L'\''école' --size 64x32 --seed 4)"}) {
    EXPECT_NE(info.find(fragment), std::string::npos) << fragment << "\nin:\n" << info;
  }
}

TEST_F(ProfiledProgram, RefusesAWrongProfileByItsField) {
  const TemporaryDirectory model;
  link_tiny_model(model.path(), R"({"size": "64x64"})");
  const auto result = run_program({glm_image_program(), "info", "--model", model.path().string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("glm_image.json: size is not a known key"), std::string::npos)
      << result.err;
}

}  // namespace
}  // namespace glm_image::test
