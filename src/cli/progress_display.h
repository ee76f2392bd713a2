#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>

#include "glm_image/pipeline.h"

namespace glm_image::cli {

/// Shows how far a run is: on a terminal one bar a stage, redrawn in place; elsewhere a line every
/// few seconds, and none for a stage that is over sooner.
class ProgressDisplay {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  ProgressDisplay(std::ostream& out, bool is_terminal, Now now = Clock::now);
  /// Ends the bar that stands there.
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const Progress& progress);

 private:
  void begin(const Progress& progress, Clock::time_point now);
  void draw_bar(const Progress& progress, double elapsed);
  void print_line(const Progress& progress, double elapsed);
  void finish_bar();

  std::ostream& out_;
  bool is_terminal_;
  Now now_;
  bool open_ = false;
  Progress last_;
  Clock::time_point began_, shown_;
};

/// "0:07", "12:30", "1:02:03".
std::string clock_text(double seconds);

/// "3 of 50", or "1.2 of 18.8 GB" where steps are bytes.
std::string steps_text(const Progress& progress);

}  // namespace glm_image::cli
