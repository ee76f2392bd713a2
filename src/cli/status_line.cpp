#include "cli/status_line.h"

#include <unistd.h>

#include <cstdio>

namespace glm_image::cli {

void StatusLine::show(const std::string& text, bool last) {
  constexpr double kSecondsPerLine = 30;
  const auto now = ProgressDisplay::Clock::now();
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  if (!is_terminal && !last && shown_ &&
      std::chrono::duration<double>(now - *shown_).count() < kSecondsPerLine) {
    return;
  }
  shown_ = now;
  std::fprintf(stderr,
               "%s%s%s",
               is_terminal ? "\r\x1b[K" : "",
               text.c_str(),
               is_terminal && !last ? "" : "\n");
  std::fflush(stderr);
}

}  // namespace glm_image::cli
