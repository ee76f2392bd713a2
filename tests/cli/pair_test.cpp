// A picture and its token file: a kill between the two must be detected.

#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "support/program.h"
#include "support/reference.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMismatch = "is not the picture that was written with these tokens";

class Pair : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  std::vector<std::string> command(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all = {
        glm_image_program(), "generate", "--model", tiny_model_dir().string(), "-p", "a pot"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
  }
  std::vector<std::string> drafts(const std::string& seed) const {
    return command(
        {"--draft", "--count", "4", "--size", "64x64", "--seed", seed, "-o", path("d.png")});
  }

  /// Runs a program and kills it once a file with this ending has been renamed into the folder.
  void kill_after_first(const std::string& ending, const std::vector<std::string>& command) const {
    const int watch = ::inotify_init1(IN_CLOEXEC);
    ASSERT_GE(watch, 0);
    ASSERT_GE(::inotify_add_watch(watch, folder_.path().c_str(), IN_MOVED_TO), 0);
    std::vector<char*> arguments;
    for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(STDERR_FILENO);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    alignas(inotify_event) char buffer[4096];
    bool found = false;
    while (!found) {
      constexpr int kHangMilliseconds = 600000;
      pollfd waiting{watch, POLLIN, 0};
      const bool is_written = ::poll(&waiting, 1, kHangMilliseconds) > 0;
      if (!is_written) ::kill(child, SIGKILL);
      ASSERT_TRUE(is_written);
      const auto count = ::read(watch, buffer, sizeof buffer);
      ASSERT_GT(count, 0);
      for (ssize_t at = 0; at < count;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        found = found || fs::path(event->name).extension() == ending;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ::close(watch);
  }

  std::string error_of(const std::string& tokens) const {
    const auto result = run_program({glm_image_program(),
                                     "generate",
                                     "--model",
                                     tiny_model_dir().string(),
                                     "--steps",
                                     "1",
                                     "--tokens",
                                     path(tokens),
                                     "-o",
                                     path("out.png")});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.err;
  }

  const TemporaryDirectory folder_;
};

TEST_F(Pair, TokensThatBelongToTheirPictureGiveNoWarning) {
  for (const char* name : {"p.png", "p.jpg", "p.webp"}) {
    ASSERT_EQ(run_program(command({"--size",
                                   "64x64",
                                   "--steps",
                                   "1",
                                   "--save-tokens",
                                   path("t.json"),
                                   "-o",
                                   path(name)}))
                  .exit_code,
              0);
    EXPECT_EQ(error_of("t.json").find(kMismatch), std::string::npos) << name;
  }
  ASSERT_EQ(run_program(drafts("1")).exit_code, 0);
  EXPECT_EQ(error_of("d-2.json").find(kMismatch), std::string::npos);
  fs::remove(path("d.png"));
  EXPECT_EQ(error_of("d-2.json").find(kMismatch), std::string::npos) << "tokens may be kept alone";
}

TEST_F(Pair, APictureOfAnotherRunIsNamed) {
  for (const char* name : {"p.png", "p.jpg"}) {
    ASSERT_EQ(run_program(command({"--size",
                                   "64x64",
                                   "--steps",
                                   "1",
                                   "--save-tokens",
                                   path("t.json"),
                                   "-o",
                                   path(name)}))
                  .exit_code,
              0);
    ASSERT_EQ(run_program(command({"--size", "64x64", "--steps", "1", "-o", path(name)})).exit_code,
              0);
    const auto error = error_of("t.json");
    EXPECT_NE(error.find(std::string("t.json: ") + name + " " + kMismatch), std::string::npos)
        << error;
  }
}

TEST_F(Pair, AKillBetweenTokensAndPictureIsDetected) {
  bool was_between = false;
  // Some kills come after the last file.
  for (int tries = 0; tries < 10 && !was_between; ++tries) {
    ASSERT_EQ(run_program(drafts(std::to_string(1 + 10 * tries))).exit_code, 0);
    const auto sheet = read_file(path("d.png"));
    const auto tokens = read_file(path("d-1.json")), last_tokens = read_file(path("d-4.json"));
    kill_after_first(".json", drafts(std::to_string(1001 + 10 * tries)));
    ASSERT_NE(read_file(path("d-1.json")), tokens)
        << "the program was killed before it wrote tokens";
    was_between = read_file(path("d-4.json")) == last_tokens && read_file(path("d.png")) == sheet;
  }
  if (!was_between) GTEST_SKIP() << "the program was faster than all kills";
  EXPECT_NE(error_of("d-1.json").find(kMismatch), std::string::npos);
  EXPECT_EQ(error_of("d-4.json").find(kMismatch), std::string::npos)
      << "the tokens of the whole run belong to its sheet";
}

}  // namespace
}  // namespace glm_image::test
