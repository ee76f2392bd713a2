// Pictures as terminals take them: the exact bytes, and which terminal takes which.

#include "cli/terminal_picture.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>

#include "core/base64.h"
#include "image/codec.h"
#include "support/program.h"
#include "support/reference.h"

namespace glm_image::test {
namespace {

using cli::PictureProtocol;

std::optional<PictureProtocol> protocol_of(const std::map<std::string, std::string>& environment) {
  return cli::protocol_from_environment([&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(TerminalProtocol, IsKnownFromTheEnvironment) {
  using Variables = std::map<std::string, std::string>;
  const std::string x = "xterm-256color";
  EXPECT_EQ(protocol_of({}), PictureProtocol::kNone);
  EXPECT_EQ(protocol_of({{"TERM", "dumb"}}), PictureProtocol::kNone);
  for (const auto& kitty : {Variables{{"TERM", "xterm-kitty"}},
                            Variables{{"TERM", "xterm-ghostty"}},
                            Variables{{"TERM", x}, {"KITTY_WINDOW_ID", "1"}},
                            Variables{{"TERM", x}, {"KONSOLE_VERSION", "230800"}}}) {
    EXPECT_EQ(protocol_of(kitty), PictureProtocol::kKitty);
  }
  for (const auto& iterm : {Variables{{"TERM", x}, {"TERM_PROGRAM", "iTerm.app"}},
                            Variables{{"TERM", x}, {"TERM_PROGRAM", "WezTerm"}},
                            Variables{{"TERM", x}, {"LC_TERMINAL", "iTerm2"}}}) {
    EXPECT_EQ(protocol_of(iterm), PictureProtocol::kIterm);
  }
  // To be asked, also where a multiplexer hides the terminal that the variables name.
  for (const auto& unknown : {Variables{{"TERM", x}},
                              Variables{{"TERM", "foot"}},
                              Variables{{"TERM", x}, {"KONSOLE_VERSION", "210400"}},
                              Variables{{"TERM", "screen"}, {"KITTY_WINDOW_ID", "1"}},
                              Variables{{"TERM", "xterm-kitty"}, {"TMUX", "/tmp/x,1,0"}}}) {
    EXPECT_EQ(protocol_of(unknown), std::nullopt);
  }
}

TEST(TerminalProtocol, SixelIsAnAttribute) {
  EXPECT_TRUE(cli::answer_has_sixel("\x1b[?62;4;22c"));
  EXPECT_TRUE(cli::answer_has_sixel("keys\x1b[?4c"));
  EXPECT_FALSE(cli::answer_has_sixel("\x1b[?64;14;22;42c"));
  EXPECT_FALSE(cli::answer_has_sixel("\x1b[?62;4"));
  EXPECT_FALSE(cli::answer_has_sixel(""));
}

/// A terminal whose other end the test holds.
class PseudoTerminal : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::openpty(&far_, &near_, nullptr, nullptr, nullptr), 0); }
  void TearDown() override {
    ::close(far_);
    ::close(near_);
  }
  int far_ = -1, near_ = -1;
};

TEST_F(PseudoTerminal, IsAskedAndKeepsItsSettings) {
  termios before = {}, after = {};
  ASSERT_EQ(::tcgetattr(near_, &before), 0);
  std::string asked(3, '\0');
  std::thread terminal([&] {
    EXPECT_EQ(::read(far_, asked.data(), asked.size()), 3);
    // In two pieces.
    for (const std::string piece : {"\x1b[?62;", "4c"}) {
      EXPECT_EQ(::write(far_, piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  EXPECT_EQ(cli::ask_terminal(near_, 300000), "\x1b[?62;4c");
  terminal.join();
  EXPECT_EQ(asked, "\x1b[c");
  ASSERT_EQ(::tcgetattr(near_, &after), 0);
  EXPECT_EQ(before.c_lflag, after.c_lflag);
}

TEST_F(PseudoTerminal, IsNotWaitedForIfItDoesNotAnswer) {
  const Stopwatch waiting;
  EXPECT_EQ(cli::ask_terminal(near_, 50), "");
  EXPECT_LT(waiting.seconds(), 60);
  const int file = ::open("/dev/null", O_RDWR);
  EXPECT_EQ(cli::ask_terminal(file, 10000), "");
  ::close(file);
}

TEST(TerminalPicture, OfKittyIsSentInChunks) {
  EXPECT_EQ(cli::kitty_picture("png"), "\x1b_Ga=T,f=100,q=2,m=0;cG5n\x1b\\");
  // 3072 bytes are 4096 characters, one chunk; one byte more begins another.
  const std::string whole(3072, 'a'), data = base64(whole);
  EXPECT_EQ(cli::kitty_picture(whole), "\x1b_Ga=T,f=100,q=2,m=0;" + data + "\x1b\\");
  EXPECT_EQ(cli::kitty_picture(whole + "b"),
            "\x1b_Ga=T,f=100,q=2,m=1;" + data + "\x1b\\\x1b_Gq=2,m=0;Yg==\x1b\\");
}

TEST(TerminalPicture, OfItermIsAFile) {
  EXPECT_EQ(cli::iterm_picture("file"), "\x1b]1337;File=inline=1;size=4:ZmlsZQ==\a");
}

TEST(TerminalPicture, OfSixelHasBandsOfSixRows) {
  // Red, with a blue pixel in the second row, over 7 rows of 5 pixels: two bands.
  Image image{5, 7, {}};
  for (int64_t i = 0; i < 5 * 7; ++i) {
    const bool is_blue = i == 5 + 1;
    image.pixels.insert(
        image.pixels.end(),
        {static_cast<uint8_t>(is_blue ? 0 : 240), 0, static_cast<uint8_t>(is_blue ? 255 : 20)});
  }
  // Colour 5 is blue, 180 red. "~" has all six rows, "|" all but the second, "A" the second alone,
  // "@" the first.
  EXPECT_EQ(cli::sixel_picture(image),
            "\x1bPq\"1;1;5;7#5;2;0;0;100#180;2;100;0;0"
            "#5?A$#180~|~~~-"
            "#180!5@-"
            "\x1b\\");
}

TEST(TerminalPicture, IsScaledDown) {
  const Image image{1024, 256, std::vector<uint8_t>(1024 * 256 * 3, 200)};
  EXPECT_EQ(cli::terminal_picture(image, PictureProtocol::kNone), "");
  const auto sixel = cli::terminal_picture(image, PictureProtocol::kSixel);
  EXPECT_EQ(sixel.rfind("\x1bPq\"1;1;512;128#172;2;80;80;80#172!512~-", 0), 0U) << sixel;
  const auto kitty = cli::terminal_picture(image, PictureProtocol::kKitty);
  const auto begin = kitty.find(';') + 1;
  std::size_t at = 0;
  const auto png = from_base64(kitty.substr(begin, kitty.find('\x1b', begin) - begin), at);
  ASSERT_TRUE(png);
  EXPECT_EQ(image::decode_image(*png, "kitty").width, 512);
}

/// The program with a pseudo-terminal as standard error, through script(1).
std::string drawn_in_a_terminal(const std::string& variables, const std::string& options) {
  const TemporaryDirectory folder;
  const auto draw = variables + " '" + glm_image_program() + "' generate --model '" +
                    std::filesystem::absolute(tiny_model_dir()).string() +
                    "' -p 'a pot' --size 64x64 --steps 4 --seed 1 -o '" +
                    (folder.path() / "a.png").string() + "' " + options;
  const auto result = run_program({"/usr/bin/script", "-qec", draw, "/dev/null"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  return result.out;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(TerminalPreview, ShowsThreePicturesInATerminalThatCan) {
  if (!std::filesystem::exists("/usr/bin/script")) GTEST_SKIP() << "script(1) is not installed";
  const std::string kitty = "TMUX= STY= TERM=xterm-kitty", start = "\x1b_Ga=T,f=100,";
  EXPECT_EQ(count_of(drawn_in_a_terminal(kitty, "--terminal-preview"), start), 3U);
  EXPECT_EQ(count_of(drawn_in_a_terminal(kitty, ""), start), 0U);
  EXPECT_EQ(count_of(drawn_in_a_terminal("TERM=dumb", "--terminal-preview"), "\x1b_G"), 0U);
  const std::string iterm = "TMUX= STY= KITTY_WINDOW_ID= TERM=xterm TERM_PROGRAM=WezTerm";
  EXPECT_EQ(count_of(drawn_in_a_terminal(iterm, "--terminal-preview"), "\x1b]1337;File="), 3U);
  // Neither a file nor a pipe is a terminal.
  const TemporaryDirectory folder;
  const auto piped = run_program({"/usr/bin/env",
                                  "TERM=xterm-kitty",
                                  glm_image_program(),
                                  "generate",
                                  "--model",
                                  tiny_model_dir().string(),
                                  "-p",
                                  "a pot",
                                  "--size",
                                  "64x64",
                                  "--steps",
                                  "4",
                                  "--terminal-preview",
                                  "-o",
                                  (folder.path() / "a.png").string()});
  EXPECT_EQ(piped.err.find('\x1b'), std::string::npos) << piped.err;
}

}  // namespace
}  // namespace glm_image::test
