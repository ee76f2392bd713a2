// `serve --open`. tests/server has clients of the server.

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/program_fixture.h"
#include "support/background_program.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

constexpr double kMostSeconds = 300;

class ServeProgram : public Program {
 protected:
  /// A server with a stub of xdg-open and these variables. Its standard output is its errors too.
  std::vector<std::string> server(const std::vector<std::string>& variables) const {
    std::vector<std::string> command = {"/usr/bin/env",
                                        "-u",
                                        "DISPLAY",
                                        "-u",
                                        "WAYLAND_DISPLAY",
                                        "PATH=" + folder_.path().string()};
    command.insert(command.end(), variables.begin(), variables.end());
    command.insert(command.end(), {"/bin/sh", "-c", "exec \"$0\" \"$@\" >&2"});
    const auto serve = arguments_of({"--port", "0", "--open"}, "serve");
    command.insert(command.end(), serve.begin(), serve.end());
    return command;
  }
  void make_opener(const std::string& commands) const {
    write_file(path("xdg-open"), "#!/bin/sh\n" + commands);
    fs::permissions(path("xdg-open"), fs::perms::owner_all);
  }
};

TEST_F(ServeProgram, OpensThePageWithTheAddressThatItPrints) {
  make_opener("printf %s \"$1\" >'" + path("url") + "'\nexit 4\n");
  BackgroundProgram server(this->server({"DISPLAY=:7"}));
  ASSERT_TRUE(server.wait_for_text(
      "Warning: the page was not opened: xdg-open failed with exit code 4\n", kMostSeconds))
      << server.errors();
  const auto url = read_file(path("url"));
  EXPECT_EQ(url.rfind("http://127.0.0.1:", 0), 0U) << url;
  EXPECT_NE(server.errors().find("listening on " + url + "\n"), std::string::npos)
      << server.errors();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait().exit_code, 0);
}

TEST_F(ServeProgram, WarnsWithoutAGraphicalSessionAndServes) {
  make_opener(": >'" + path("url") + "'\n");
  BackgroundProgram server(this->server({}));
  ASSERT_TRUE(server.wait_for_text("neither DISPLAY nor WAYLAND_DISPLAY is set\n", kMostSeconds))
      << server.errors();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait().exit_code, 0);
  EXPECT_FALSE(fs::exists(path("url")));
}

}  // namespace
}  // namespace glm_image::test
