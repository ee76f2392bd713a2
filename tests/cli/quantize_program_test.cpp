// `glm-image quantize` as a user runs it.

#include <csignal>
#include <filesystem>

#include "support/program.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

class QuantizeProgram : public testing::Test {
 protected:
  std::string output() const { return (folder_.path() / "copy").string(); }
  size_t entries() const {
    return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator());
  }
  static std::vector<std::string> command(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {
        glm_image_program(), "quantize", "--model", tiny_model_dir().string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  void expect_draws(const std::string& model) const {
    const auto picture = (folder_.path() / "p.png").string();
    const auto drawn = run_program({glm_image_program(),
                                    "generate",
                                    "--model",
                                    model,
                                    "-p",
                                    "a \"pot\"",
                                    "--size",
                                    "64x64",
                                    "--steps",
                                    "1",
                                    "-q",
                                    "-o",
                                    picture});
    EXPECT_EQ(drawn.exit_code, 0) << drawn.err;
    EXPECT_TRUE(fs::remove(picture));
  }
  const TemporaryDirectory folder_;
};

TEST_F(QuantizeProgram, ADryRunPrintsSizesAndWritesNothing) {
  const auto result = run_program(command({"--weights", "q4", "--dry-run"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* shown : {"transformer", "vision_language_encoder", "before", "after"}) {
    EXPECT_NE(result.out.find(shown), std::string::npos) << result.out;
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(QuantizeProgram, WritesAModelThatDraws) {
  const auto result = run_program(
      command({"--weights", "q4", "--rules", "transformer\\.=q8,lm_head=q8", "-o", output()}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find(output()), std::string::npos);
  expect_draws(output());
  EXPECT_EQ(entries(), 1U);
}

/// A run that is stopped or killed leaves either no copy or a complete one. Its remains do not
/// disturb the next run.
TEST_F(QuantizeProgram, LeavesAWholeCopyOrNothingWhenKilled) {
  for (const int signal : {SIGINT, SIGKILL}) {
    for (const double seconds : {0.05, 0.15, 0.25, 0.35}) {
      interrupt_program(command({"--quiet", "-o", output()}), signal, seconds);
      if (fs::exists(output())) expect_draws(output());
      fs::remove_all(output());
    }
  }
  const auto result = run_program(command({"--quiet", "-o", output()}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(entries(), 1U);
  expect_draws(output());
}

TEST_F(QuantizeProgram, RefusesInOneSentence) {
  fs::create_directory(output());
  for (const auto& [arguments, fragment] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"-o", output()}, "already exists"},
           {{}, "--dry-run"},
           {{"--dry-run", "--rules", "to_z=q8"}, "to_z"},
           {{"--dry-run", "--weights", "q5"}, "q5"},
           {{"--dry-run", "-o", output()}, "--dry-run"}}) {
    const auto result = run_program(command(arguments));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find(fragment), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace glm_image::test
