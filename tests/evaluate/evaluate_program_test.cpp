// User errors: exit code 2 and one sentence.

#include "evaluate/shared_suite.h"
#include "image/codec.h"
#include "support/program.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class EvaluateProgram : public testing::Test {
 protected:
  ProgramResult run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {glm_image_program(), "evaluate"});
    if (std::find(arguments.begin(), arguments.end(), "-o") == arguments.end()) {
      arguments.insert(arguments.end(), {"-o", (folder_.path() / "report").string()});
    }
    return run_program(arguments);
  }
  void expect_refused(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& fragments) const {
    const auto result = run(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_TRUE(result.out.empty());
    for (const auto& fragment : fragments) {
      EXPECT_NE(result.err.find(fragment), std::string::npos)
          << "'" << fragment << "' is not in: " << result.err;
    }
  }
  std::string model() const { return (data_dir() / "tiny" / "model").string(); }

  TemporaryDirectory folder_;
};

TEST_F(EvaluateProgram, ScoresAFolderAndWritesItsReport) {
  const auto prompt = suite_prompt("1-001");
  image::write_image(folder_.path() / "1-001.png", truth_of(prompt));
  const auto result = run({"--pictures", folder_.path().string(), "--tier", "1", "--count", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("words"), std::string::npos);
  EXPECT_NE(result.out.find("report.json"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder_.path() / "report" / "report.json"));
  EXPECT_TRUE(fs::exists(folder_.path() / "report" / "sheet-1.png"));
}

TEST_F(EvaluateProgram, RefusesBadInput) {
  expect_refused({"--truth", "--suite", "nothing"}, {"nothing.json"});
  expect_refused({"--truth", "--suite", folder_.path().string() + "/none.json"}, {"none.json"});
  write_file(folder_.path() / "bad.json", R"({"name": "bad", "prompts": [{"id": 3}]})");
  expect_refused({"--truth", "--suite", folder_.path().string() + "/bad.json"}, {"bad.json", "id"});
  expect_refused({"--truth", "--data", folder_.path().string()}, {"posters.json"});
  expect_refused({"--model", folder_.path().string()}, {"vision_language_encoder"});
  expect_refused({"--pictures", folder_.path().string(), "--count", "1"}, {"1-001.png"});
  expect_refused({"--tier", "4"}, {"--tier"});
  expect_refused({"--truth", "--pictures", "somewhere"}, {"--pictures"});
  write_file(folder_.path() / "file", "");
  expect_refused({"--truth", "--count", "1", "-o", (folder_.path() / "file").string()}, {"file"});
}

TEST_F(EvaluateProgram, TrueTokensNeedNoGenerator) {
  const auto drawn = [&](std::vector<std::string> options, const std::string& report) {
    const auto output = (folder_.path() / report).string();
    options.insert(options.begin(), {"--model", model(), "--steps", "1", "--tier", "1", "--count"});
    options.insert(options.begin() + 7, {"1", "-o", output});
    const auto result = run(options);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return image::read_image(folder_.path() / report / "1-001.png").pixels;
  };
  // The report names the tokens that were painted. With other tokens the picture differs.
  EXPECT_NE(drawn({"--true-tokens"}, "true"), drawn({}, "own"));
  const auto report = read_file(folder_.path() / "true" / "report.json");
  EXPECT_NE(report.find("of the ground truth"), std::string::npos) << report;
}

TEST_F(EvaluateProgram, RefusesAReportFolderOfOtherSettings) {
  const auto report = folder_.path() / "report";
  fs::create_directory(report);
  write_file(report / "pictures.json", R"({"suite": "posters", "steps": 20})");
  expect_refused({"--model", model(), "--steps", "1", "--count", "1"}, {"pictures.json", "-o"});
}

}  // namespace
}  // namespace glm_image::test
