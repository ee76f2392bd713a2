// The QR code of a server's address.

#include "cli/qr_code.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/translation.h"
#include "support/test_support.h"

namespace glm_image::test {
namespace {

constexpr int kQuietZone = 4;
/// The side of a finder pattern in modules.
constexpr int kFinder = 7;

/// Modules in rows: 1 dark, 0 light; of lines in half blocks.
std::vector<std::vector<int>> modules_of(const std::vector<std::string>& lines) {
  std::vector<std::vector<int>> rows;
  for (const auto& line : lines) {
    auto& upper = rows.emplace_back();
    std::vector<int> lower;
    for (std::size_t at = 0; at < line.size(); at += line[at] == ' ' ? 1 : 3) {
      const auto glyph = line.substr(at, line[at] == ' ' ? 1 : 3);
      EXPECT_TRUE(glyph == " " || glyph == "▀" || glyph == "▄" || glyph == "█") << glyph;
      upper.push_back(glyph == "▀" || glyph == "█" ? 1 : 0);
      lower.push_back(glyph == "▄" || glyph == "█" ? 1 : 0);
    }
    rows.push_back(lower);
  }
  return rows;
}

/// Whether a finder pattern begins there: a dark frame, a light one, and a dark square of 3.
bool has_finder(const std::vector<std::vector<int>>& modules, int left, int top) {
  for (int y = 0; y < kFinder; ++y) {
    for (int x = 0; x < kFinder; ++x) {
      const int from_edge = std::min({x, y, kFinder - 1 - x, kFinder - 1 - y});
      if (modules[top + y][left + x] != (from_edge == 1 ? 0 : 1)) return false;
    }
  }
  return true;
}

TEST(HalfBlocks, ShowTwoRowsALine) {
  const std::string light = "           ";
  const auto lines = cli::half_blocks(3, [](int x, int y) { return x == y || x == 2; });
  EXPECT_EQ(lines,
            (std::vector<std::string>{light, light, "    ▀▄█    ", "      ▀    ", light, light}));
}

TEST(QrCode, HasItsPatternsAndAQuietZone) {
  const auto lines = cli::qr_code("http://192.168.100.123:8080");
  if (lines.empty()) GTEST_SKIP() << "built without libqrencode";
  // Version 2, the smallest for 27 bytes.
  constexpr int kSide = 25, kAll = kSide + 2 * kQuietZone;
  ASSERT_EQ(lines.size(), (kAll + 1) / 2U);
  for (const auto& line : lines) EXPECT_EQ(cli::columns_of(line), std::size_t{kAll});
  const auto modules = modules_of(lines);
  constexpr int kFar = kQuietZone + kSide - kFinder;
  EXPECT_TRUE(has_finder(modules, kQuietZone, kQuietZone));
  EXPECT_TRUE(has_finder(modules, kFar, kQuietZone));
  EXPECT_TRUE(has_finder(modules, kQuietZone, kFar));
  EXPECT_FALSE(has_finder(modules, kFar, kFar));
  for (int y = 0; y < static_cast<int>(modules.size()); ++y) {
    for (int x = 0; x < kAll; ++x) {
      const bool is_inside =
          x >= kQuietZone && y >= kQuietZone && x < kQuietZone + kSide && y < kQuietZone + kSide;
      EXPECT_TRUE(is_inside || modules[y][x] == 0) << x << ' ' << y;
    }
  }
  // The timing patterns between the finders alternate.
  for (int i = kFinder + 1; i < kSide - kFinder - 1; ++i) {
    EXPECT_EQ(modules[kQuietZone + 6][kQuietZone + i], 1 - i % 2) << i;
    EXPECT_EQ(modules[kQuietZone + i][kQuietZone + 6], 1 - i % 2) << i;
  }
  EXPECT_NE(lines, cli::qr_code("http://192.168.100.124:8080"));
}

TEST(QrCode, IsShownWhereItFits) {
  const std::string url = "http://192.168.1.23:8080";
  const auto lines = cli::qr_code(url);
  if (lines.empty()) GTEST_SKIP() << "built without libqrencode";
  EXPECT_EQ(cli::terminal_qr_code(url, 0), "");
  EXPECT_EQ(cli::terminal_qr_code(url, 39), "");
  std::string expected;
  for (const auto& line : lines) expected += "\x1b[38;5;16;48;5;231m" + line + "\x1b[0m\n";
  EXPECT_EQ(cli::terminal_qr_code(url, 40), expected);
  // Version 4: 33 modules and the quiet zone.
  const std::string longer(70, 'a');
  EXPECT_EQ(cli::terminal_qr_code(longer, 40), "");
  EXPECT_NE(cli::terminal_qr_code(longer, 41), "");
  // No version takes it.
  EXPECT_EQ(cli::terminal_qr_code(std::string(3000, 'a'), 1000), "");
}

TEST(TerminalColumns, AreThoseOfATerminalWithColours) {
  const char* before = std::getenv("TERM");
  const std::string term = before == nullptr ? "" : before;
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = 57;
  int master = -1, terminal = -1;
  ASSERT_EQ(::openpty(&master, &terminal, nullptr, nullptr, &size), 0);
  const int file = ::open("/dev/null", O_WRONLY);
  ::setenv("TERM", "xterm", /*overwrite=*/1);
  EXPECT_EQ(cli::terminal_columns(terminal), 57);
  EXPECT_EQ(cli::terminal_columns(file), 0);
  ::setenv("TERM", "dumb", /*overwrite=*/1);
  EXPECT_EQ(cli::terminal_columns(terminal), 0);
  ::unsetenv("TERM");
  EXPECT_EQ(cli::terminal_columns(terminal), 0);
  if (before != nullptr) ::setenv("TERM", term.c_str(), /*overwrite=*/1);
  for (const int one : {master, terminal, file}) ::close(one);
}

}  // namespace
}  // namespace glm_image::test
