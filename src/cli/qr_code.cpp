#include "cli/qr_code.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cli/translation.h"

#ifdef GLM_IMAGE_HAVE_QRENCODE
#include <qrencode.h>
#endif

namespace glm_image::cli {

std::vector<std::string> half_blocks(int side, const std::function<bool(int x, int y)>& is_dark) {
  constexpr int kQuietZone = 4;
  const auto at = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < side && y < side && is_dark(x, y);
  };
  std::vector<std::string> lines;
  for (int y = -kQuietZone; y < side + kQuietZone; y += 2) {
    auto& line = lines.emplace_back();
    for (int x = -kQuietZone; x < side + kQuietZone; ++x) {
      const bool upper = at(x, y), lower = at(x, y + 1);
      line += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
  }
  return lines;
}

std::vector<std::string> qr_code([[maybe_unused]] const std::string& text) {
#ifdef GLM_IMAGE_HAVE_QRENCODE
  // The lowest error correction makes the smallest code: a screen does not damage it.
  const std::unique_ptr<QRcode, void (*)(QRcode*)> code(
      ::QRcode_encodeString8bit(text.c_str(), /*version=*/0, QR_ECLEVEL_L), ::QRcode_free);
  if (!code) return {};
  return half_blocks(code->width, [&](int x, int y) {
    constexpr int kDark = 1;
    return (code->data[std::ptrdiff_t{y} * code->width + x] & kDark) != 0;
  });
#else
  return {};
#endif
}

std::string terminal_qr_code(const std::string& text, int columns) {
  constexpr int kFewestColumns = 40;
  if (columns < kFewestColumns) return "";
  const auto lines = qr_code(text);
  if (lines.empty() || columns_of(lines.front()) > static_cast<std::size_t>(columns)) return "";
  // Colours of the 256: the terminal's own foreground may be lighter than its background.
  constexpr const char* kBlackOnWhite = "\x1b[38;5;16;48;5;231m";
  constexpr const char* kReset = "\x1b[0m";
  std::string shown;
  for (const auto& line : lines) shown += kBlackOnWhite + line + kReset + '\n';
  return shown;
}

int terminal_columns(int file) {
  const char* terminal = std::getenv("TERM");
  if (terminal == nullptr || std::strcmp(terminal, "dumb") == 0) return 0;
  winsize size = {};
  return ::isatty(file) != 0 && ::ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace glm_image::cli
