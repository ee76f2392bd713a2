#pragma once

#include <optional>
#include <string>

#include "cli/progress_display.h"

namespace glm_image::cli {

/// One line on standard error about long work: redrawn on a terminal; elsewhere a new one every
/// half minute, and the last.
class StatusLine {
 public:
  void show(const std::string& text, bool last);

 private:
  std::optional<ProgressDisplay::Clock::time_point> shown_;
};

}  // namespace glm_image::cli
