#include "cli/progress_display.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "core/text_format.h"

namespace glm_image::cli {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr double kLineSeconds = 5;
constexpr int kBarWidth = 28;

double seconds_between(ProgressDisplay::Clock::time_point a, ProgressDisplay::Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// "0:12 left", from the pace so far; empty while nothing is known.
std::string remaining_text(const Progress& progress, double elapsed) {
  if (progress.step <= 0 || progress.step >= progress.total) return "";
  const auto done = static_cast<double>(progress.step);
  const auto left = static_cast<double>(progress.total - progress.step);
  return clock_text(elapsed / done * left);
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
  char text[64];
  if (hours > 0) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", hours, minutes, rest);
  } else {
    std::snprintf(text, sizeof text, "%ld:%02ld", minutes, rest);
  }
  return text;
}

std::string steps_text(const Progress& progress) {
  if (progress.stage != Stage::kReadingWeights) {
    return concat(progress.step, " of ", progress.total);
  }
  const auto total = static_cast<double>(progress.total);
  const double unit = total >= 1e9 ? 1e9 : 1e6;
  return printed("%.1f", static_cast<double>(progress.step) / unit) + " of " +
         printed("%.1f", total / unit) + (unit == 1e9 ? " GB" : " MB");
}

ProgressDisplay::ProgressDisplay(std::ostream& out, bool is_terminal, Now now)
    : out_(out), is_terminal_(is_terminal), now_(std::move(now)) {}

ProgressDisplay::~ProgressDisplay() {
  finish_bar();
}

void ProgressDisplay::begin(const Progress& progress, Clock::time_point now) {
  finish_bar();
  open_ = true;
  began_ = shown_ = now;
  if (is_terminal_) draw_bar(progress, 0);
}

void ProgressDisplay::show(const Progress& progress) {
  const auto now = now_();
  const bool new_stage = !open_ || progress.stage != last_.stage || progress.step < last_.step;
  if (new_stage) begin(progress, now);
  last_ = progress;
  if (new_stage) return;
  const double elapsed = seconds_between(began_, now), since = seconds_between(shown_, now);
  const bool done = progress.step >= progress.total;
  if (is_terminal_ && (done || since >= kRedrawSeconds)) {
    draw_bar(progress, elapsed);
    shown_ = now;
  } else if (!is_terminal_ && since >= kLineSeconds) {
    print_line(progress, elapsed);
    shown_ = now;
  }
}

void ProgressDisplay::draw_bar(const Progress& progress, double elapsed) {
  const double share =
      progress.total > 0 ? static_cast<double>(progress.step) / static_cast<double>(progress.total)
                         : 0;
  const int filled = static_cast<int>(std::lround(share * kBarWidth));
  std::string bar(std::clamp(filled, 0, kBarWidth), '#');
  bar.resize(kBarWidth, '.');
  std::string name = stage_name(progress.stage);
  name.resize(17, ' ');
  const auto left = remaining_text(progress, elapsed);
  // \033[K: clears what a longer line before it left.
  out_ << '\r' << name << '[' << bar << "] " << steps_text(progress) << "  " << clock_text(elapsed)
       << (left.empty() ? "" : ", " + left + " left") << "\033[K" << std::flush;
}

void ProgressDisplay::print_line(const Progress& progress, double elapsed) {
  const auto left = remaining_text(progress, elapsed);
  out_ << stage_name(progress.stage) << ": " << steps_text(progress) << ", " << clock_text(elapsed)
       << (left.empty() ? "" : ", about " + left + " left") << std::endl;
}

void ProgressDisplay::finish_bar() {
  if (open_ && is_terminal_) out_ << std::endl;
  open_ = false;
}

}  // namespace glm_image::cli
