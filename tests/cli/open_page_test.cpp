// The page of `serve --open`, with a stub of xdg-open.

#include "cli/open_page.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

/// A variable of the environment until the end of a scope; nullptr removes it.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, /*overwrite=*/1);
    }
  }
  const char* name_;
  std::optional<std::string> before_;
};

class OpenPage : public testing::Test {
 protected:
  /// The commands of a shell in the place of xdg-open.
  void make_opener(const std::string& commands) const {
    write_file(folder_.path() / "xdg-open", "#!/bin/sh\nPATH=/usr/bin:/bin\n" + commands);
    fs::permissions(folder_.path() / "xdg-open", fs::perms::owner_all);
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  /// Waits at most `seconds` for the reason of a failure. Returns it, or nothing.
  static std::string wait_for_failure(cli::PageOpening& opening, double seconds = 60) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    do {
      if (const auto reason = opening.failure()) return *reason;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    } while (std::chrono::steady_clock::now() < end);
    return "";
  }

  const TemporaryDirectory folder_;
  const Variable path_{"PATH", folder_.path().c_str()};
  const Variable display_{"DISPLAY", ":7"};
  const Variable wayland_{"WAYLAND_DISPLAY", nullptr};
};

TEST_F(OpenPage, StartsNothingWithoutAGraphicalSession) {
  make_opener("touch '" + path("started") + "'\n");
  const Variable no_display("DISPLAY", "");
  cli::PageOpening opening("http://127.0.0.1:8080");
  EXPECT_EQ(opening.failure(),
            "there is no graphical session: neither DISPLAY nor WAYLAND_DISPLAY is set");
  EXPECT_EQ(wait_for_failure(opening, /*seconds=*/0.2), "");
  EXPECT_FALSE(fs::exists(path("started")));
}

TEST_F(OpenPage, GivesTheAddressToAProcessOfItsOwn) {
  // Field 6 of stat is the session. A descriptor that this process leaves open to its children.
  const int file = ::fcntl(STDIN_FILENO, F_DUPFD, 200);
  make_opener("printf '%s\\n' \"$@\" >'" + path("arguments") +
              "'\ncut -d' ' -f1,6 /proc/$$/stat >'" + path("session") +
              "'\n[ ! -e /proc/$$/fd/200 ] || touch '" + path("inherited") + "'\nmv '" +
              path("arguments") + "' '" + path("done") + "'\n");
  const Variable wayland("WAYLAND_DISPLAY", "wayland-0"), no_display("DISPLAY", nullptr);
  const std::string url = "http://127.0.0.1:1/$(touch x) 'y'";
  cli::PageOpening opening(url);
  wait_until([&] { return fs::exists(path("done")); });
  EXPECT_EQ(opening.failure(), std::nullopt);
  ::close(file);
  EXPECT_EQ(read_file(path("done")), url + "\n");
  const auto session = read_file(path("session"));
  const auto space = session.find(' ');
  EXPECT_EQ(session.substr(0, space) + "\n", session.substr(space + 1)) << session;
  EXPECT_FALSE(fs::exists(path("inherited")));
}

TEST_F(OpenPage, SaysOnceThatItFailed) {
  make_opener("exit 3\n");
  cli::PageOpening opening("http://127.0.0.1:8080");
  EXPECT_EQ(wait_for_failure(opening), "xdg-open failed with exit code 3");
  EXPECT_EQ(opening.failure(), std::nullopt);
}

TEST_F(OpenPage, SaysThatXdgOpenIsMissing) {
  cli::PageOpening opening("http://127.0.0.1:8080");
  EXPECT_EQ(wait_for_failure(opening), "xdg-open cannot be started: No such file or directory");
}

}  // namespace
}  // namespace glm_image::test
