#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "glm_image/pipeline.h"
#include "pipeline/pace.h"

namespace glm_image::cli {

/// Shows the progress of a run: on a terminal one bar per stage, redrawn in place; elsewhere a line
/// every few seconds, and none for a shorter stage.
class ProgressDisplay {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  ProgressDisplay(std::ostream& out, bool is_terminal, Now now = Clock::now);
  /// Ends the current bar.
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  /// Seconds until everything is done, from the current progress and the seconds of its stage so
  /// far; nothing if unknown.
  using TimeLeft = std::function<std::optional<double>(const Progress&, double stage_seconds)>;
  void set_time_left(TimeLeft time_left) { time_left_ = std::move(time_left); }

  void show(const Progress& progress);

 private:
  std::string left_text(const Progress& progress) const;
  void draw_bar(const Progress& progress, double elapsed);
  void print_line(const Progress& progress, double elapsed);
  void finish_bar();

  std::ostream& out_;
  bool is_terminal_;
  Now now_;
  TimeLeft time_left_;
  bool open_ = false;
  Progress last_;
  pipeline::Pace pace_;
  std::optional<double> stage_left_;  // seconds
  std::optional<double> all_left_;    // the same, of all stages
  Clock::time_point began_, shown_;
};

/// "0:07", "12:30", "1:02:03".
std::string clock_text(double seconds);

/// "3 of 50", or "1.2 of 18.8 GB" where steps are bytes.
std::string steps_text(const Progress& progress);

}  // namespace glm_image::cli
