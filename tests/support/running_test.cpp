// With GTEST_BRIEF, a program that crashes or is ended by its time limit does not say in which
// test. Where $GLM_IMAGE_RUNNING_TESTS names a folder, PROGRAM.running has the name of the running
// test.

#include <errno.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace glm_image::test {
namespace {

class RunningTest : public testing::EmptyTestEventListener {
 public:
  explicit RunningTest(std::filesystem::path file) : file_(std::move(file)) {}

  void OnTestStart(const testing::TestInfo& test) override {
    std::ofstream(file_) << test.test_suite_name() << '.' << test.name() << '\n';
  }
  void OnTestEnd(const testing::TestInfo& /*test*/) override {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }

 private:
  const std::filesystem::path file_;
};

/// Google Test owns the listener.
[[maybe_unused]] const bool is_listening = [] {
  const char* folder = std::getenv("GLM_IMAGE_RUNNING_TESTS");
  if (folder == nullptr) return false;
  const auto file =
      std::filesystem::path(folder) / (std::string(::program_invocation_short_name) + ".running");
  testing::UnitTest::GetInstance()->listeners().Append(new RunningTest(file));
  return true;
}();

}  // namespace
}  // namespace glm_image::test
