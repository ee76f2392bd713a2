// Manual pages and completions agree with --help, and the shells take them.

#include <algorithm>
#include <sstream>

#include "support/program.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

/// The first words of the lines of a help text's section, or all long options in it.
Words help_of(const Words& command) {
  auto arguments = command;
  arguments.insert(arguments.begin(), glm_image_program());
  arguments.emplace_back("--help");
  const auto help = run_program(arguments);
  EXPECT_EQ(help.exit_code, 0) << help.err;
  Words lines;
  std::istringstream text(help.out);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

Words commands_in(const Words& help) {
  Words commands;
  auto line = std::find(help.begin(), help.end(), "Subcommands:");
  if (line == help.end()) line = std::find(help.begin(), help.end(), "SUBCOMMANDS:");
  if (line == help.end()) return commands;
  for (++line; line != help.end() && line->rfind("  ", 0) == 0; ++line) {
    if ((*line)[2] != ' ') commands.push_back(line->substr(2, line->find(' ', 2) - 2));
  }
  return commands;
}

Words long_options_in(const Words& help) {
  Words options;
  for (const auto& line : help) {
    if (line.rfind("  -", 0) != 0) continue;
    const auto begin = line.find("--");
    if (begin == std::string::npos) continue;
    const auto end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", begin);
    options.push_back(line.substr(begin, end - begin));
  }
  return options;
}

class Reference : public testing::Test {
 protected:
  Reference() {
    const auto result =
        run_program({glm_image_program(), "reference", "-o", folder_.path().string()});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string page(const std::string& command) const {
    return path("man/man1/glm-image" + (command.empty() ? "" : "-" + command) + ".1");
  }
  bool has_shell(const char* shell) const {
    return run_program({"/bin/sh", "-c", std::string("command -v ") + shell}).exit_code == 0;
  }
  /// What bash completes after these words, the last of which is not finished.
  Words completed(const Words& words) const {
    std::string script = ". '" + path("bash-completion/completions/glm-image") +
                         "'; COMP_CWORD=" + std::to_string(words.size()) +
                         "; COMP_WORDS=(glm-image";
    for (const auto& word : words) script += " '" + word + "'";
    script += "); _glm_image; printf '%s\\n' \"${COMPREPLY[@]}\"";
    const auto result = run_program({"/bin/bash", "-c", script});
    EXPECT_EQ(result.err, "");
    Words replies;
    std::istringstream text(result.out);
    for (std::string line; std::getline(text, line);) replies.push_back(line);
    return replies;
  }

  const TemporaryDirectory folder_;
};

TEST_F(Reference, EveryCommandAndOptionOfTheHelpHasAPlaceInThePages) {
  const auto commands = commands_in(help_of({}));
  ASSERT_GT(commands.size(), 5U);
  for (const auto& command : commands) {
    const auto text = read_file(page(command));
    const auto options = long_options_in(help_of({command}));
    ASSERT_FALSE(options.empty()) << command;
    for (auto option : options) {
      for (std::size_t at = 0; (at = option.find('-', at)) != std::string::npos; at += 2) {
        option.insert(at, 1, '\\');
      }
      EXPECT_NE(text.find("\\fB" + option + "\\fR"), std::string::npos) << command << option;
    }
    EXPECT_NE(text.find("\n.SH EXAMPLES\n"), std::string::npos) << command;
    EXPECT_NE(read_file(page("")).find("glm\\-image\\-" +
                                       [&] {
                                         auto name = command;
                                         const auto hyphen = name.find('-');
                                         if (hyphen != std::string::npos)
                                           name.insert(hyphen, 1, '\\');
                                         return name;
                                       }()),
              std::string::npos)
        << command;
  }
  EXPECT_FALSE(fs::exists(page("reference"))) << "the help hides it";
}

TEST_F(Reference, ManFormatsThePagesWithoutWarnings) {
  if (!has_shell("groff")) GTEST_SKIP() << "groff is not installed";
  for (const auto& file : fs::directory_iterator(path("man/man1"))) {
    // -cbou: no bold and no underlining, by whatever means the system prefers.
    const auto result = run_program({"/usr/bin/env",
                                     "groff",
                                     "-ww",
                                     "-K",
                                     "utf8",
                                     "-T",
                                     "utf8",
                                     "-P-cbou",
                                     "-man",
                                     file.path().string()});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "") << file.path();
    EXPECT_NE(result.out.find("--help"), std::string::npos) << file.path();
  }
}

TEST_F(Reference, BashCompletesCommandsOptionsAndChoices) {
  EXPECT_EQ(completed({"gen"}), Words{"generate"});
  EXPECT_EQ(completed({""}), commands_in(help_of({})));
  EXPECT_EQ(completed({"generate", "--pro"}), (Words{"--prompt", "--prompt-file"}));
  EXPECT_EQ(completed({"generate", "--prompt", "a pot", "--dty"}), Words{"--dtype"});
  EXPECT_EQ(completed({"generate", "--dtype", ""}), (Words{"auto", "float32", "bfloat16"}));
  EXPECT_EQ(completed({"generate", "--dtype", "=", "fl"}), Words{"float32"});
  EXPECT_EQ(completed({"generate", "--dtype", "="}), (Words{"auto", "float32", "bfloat16"}));
  // A value that may be anything completes to nothing.
  EXPECT_EQ(completed({"generate", "--prompt", "gen"}), Words{""});
  const auto shown = completed({"generate", "--"});
  for (const auto& option : long_options_in(help_of({"generate"}))) {
    EXPECT_NE(std::find(shown.begin(), shown.end(), option), shown.end()) << option;
  }
}

TEST_F(Reference, BashCompletesPathsWithSpaces) {
  write_file(path("my photo.png"), "");
  fs::create_directory(path("my model"));
  EXPECT_EQ(completed({"edit", "--image", path("my ph")}), Words{path("my photo.png")});
  EXPECT_EQ(completed({"info", "--model", path("my ")}), Words{path("my model")});
  EXPECT_EQ(completed({"metadata", path("my ph")}), Words{path("my photo.png")});
}

TEST_F(Reference, OtherShellsParseTheirCompletions) {
  const auto zsh = path("zsh/vendor-completions/_glm-image");
  const auto fish = path("fish/vendor_completions.d/glm-image.fish");
  EXPECT_EQ(read_file(zsh).rfind("#compdef glm-image\n", 0), 0U);
  if (has_shell("zsh")) {
    EXPECT_EQ(run_program({"/usr/bin/env", "zsh", "-n", zsh}).exit_code, 0);
  }
  if (has_shell("fish")) {
    EXPECT_EQ(run_program({"/usr/bin/env", "fish", "--no-execute", fish}).exit_code, 0);
    const auto completed =
        run_program({"/usr/bin/env",
                     "fish",
                     "-c",
                     "source '" + fish + "'; complete -C 'glm-image generate --dtype '"});
    EXPECT_NE(completed.out.find("bfloat16\t"), std::string::npos) << completed.out;
  }
}

TEST_F(Reference, RefusesAFolderThatCannotBeMade) {
  write_file(path("file"), "");
  const auto result = run_program({glm_image_program(), "reference", "-o", path("file")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("cannot be made"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace glm_image::test
