#include <filesystem>
#include <nlohmann/json.hpp>

#include "image/codec.h"
#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

ProgramResult self_test(const fs::path& reference) {
  return run_program({glm_image_program(), "self-test", "--reference", reference.string()});
}

void expect_line(const std::string& text, const std::string& begin) {
  EXPECT_NE(("\n" + text).find("\n" + begin), std::string::npos) << begin << "\n" << text;
}

TEST(SelfTestProgram, ChecksKernelsAndReferencePictures) {
  const auto result = self_test(tiny_dir());
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  expect_line(result.out, "LibTorch ");
#if GLM_IMAGE_HAVE_HIGHWAY
  expect_line(result.out, "kernels plain: right");
#endif
  for (const auto& reference : reference_cases()) {
    expect_line(result.out, "reference " + reference.name() + ": right");
  }
  expect_line(result.out, "self-test passed in ");
  EXPECT_EQ(result.out.find("WRONG"), std::string::npos) << result.out;
}

TEST(SelfTestProgram, FailsWhereAPictureDiffers) {
  const TemporaryDirectory folder;
  fs::create_directory_symlink(fs::absolute(tiny_model_dir()), folder.path() / "model");
  auto cases = nlohmann::json::parse(read_file(tiny_dir() / "cases.json"));
  const nlohmann::json one = {cases.at(0), cases.at(2)};
  write_file(folder.path() / "cases.json", one.dump());
  const std::string right = one[0]["expected_png"], wrong = one[1]["expected_png"];
  fs::copy_file(tiny_dir() / right, folder.path() / right);
  auto image = image::read_image(tiny_dir() / wrong);
  image.pixels[7] = static_cast<uint8_t>(image.pixels[7] + (image.pixels[7] < 128 ? 9 : -9));
  image::write_image(folder.path() / wrong, image);
  const auto result = self_test(folder.path());
  EXPECT_EQ(result.exit_code, 1);
  expect_line(result.out, "reference " + one[0]["name"].get<std::string>() + ": right");
  expect_line(result.out,
              "reference " + one[1]["name"].get<std::string>() + ": WRONG, largest difference");
  EXPECT_NE(result.err.find("self-test failed; wrong results: 1"), std::string::npos) << result.err;

  fs::remove(folder.path() / right);
  EXPECT_NE(self_test(folder.path()).out.find(right), std::string::npos);
  EXPECT_EQ(self_test(folder.path() / "nowhere").exit_code, 2);
}

TEST(SelfTestProgram, VersionTellsWhatABugReportNeeds) {
  const auto result = run_program({glm_image_program(), "--version"});
  EXPECT_EQ(result.exit_code, 0);
  expect_line(result.out, "glm-image ");
  expect_line(result.out, "LibTorch ");
  expect_line(result.out, "processor: ");
  expect_line(result.out, "kernels: ");
  expect_line(result.out, "threads: ");
  const auto refused = run_program(
      {"/bin/sh", "-c", "GLM_IMAGE_CPU=abacus '" + glm_image_program() + "' --version"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("abacus"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace glm_image::test
