#include "cli/progress_display.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "cli/translation.h"
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
  if (progress.stage == Stage::kReadingPictures || progress.stage == Stage::kDecoding) {
    return concat(100 * progress.step / std::max<int64_t>(progress.total, 1), "%");
  }
  if (progress.stage != Stage::kReadingWeights) {
    return tr("%1 of %2", {std::to_string(progress.step), std::to_string(progress.total)});
  }
  const auto total = static_cast<double>(progress.total);
  const double unit = total >= 1e9 ? 1e9 : 1e6;
  return tr(
      unit == 1e9 ? "%1 of %2 GB" : "%1 of %2 MB",
      {printed("%.1f", static_cast<double>(progress.step) / unit), printed("%.1f", total / unit)});
}

ProgressDisplay::ProgressDisplay(std::ostream& out, bool is_terminal, Now now)
    : out_(out), is_terminal_(is_terminal), now_(std::move(now)) {}

ProgressDisplay::~ProgressDisplay() {
  finish_bar();
}

void ProgressDisplay::show(const Progress& progress) {
  const auto now = now_();
  const bool new_stage = !open_ || progress.stage != last_.stage || progress.step < last_.step;
  if (new_stage) {
    finish_bar();
    open_ = true;
    began_ = shown_ = now;
  }
  last_ = progress;
  const double elapsed = seconds_between(began_, now), since = seconds_between(shown_, now);
  // Both follow every report, shown or not.
  stage_left_ = pace_.seconds_left(progress, elapsed);
  all_left_ = time_left_ ? time_left_(progress, elapsed) : std::nullopt;
  if (new_stage) {
    if (is_terminal_) draw_bar(progress, elapsed);
    return;
  }
  const bool done = progress.step >= progress.total;
  if (is_terminal_ && (done || since >= kRedrawSeconds)) {
    draw_bar(progress, elapsed);
    shown_ = now;
  } else if (!is_terminal_ && since >= kLineSeconds) {
    print_line(progress, elapsed);
    shown_ = now;
  }
}

/// ", 0:12 left, all done in about 3:20", without the part that is not known.
std::string ProgressDisplay::left_text(const Progress& progress) const {
  constexpr double kMoment = 2;
  std::string text;
  if (stage_left_ && progress.step < progress.total) {
    text = tr(is_terminal_ ? ", %1 left" : ", about %1 left", {clock_text(*stage_left_)});
  }
  if (all_left_ && *all_left_ >= kMoment) {
    text += tr(", all done in about %1", {clock_text(*all_left_)});
  }
  return text;
}

void ProgressDisplay::draw_bar(const Progress& progress, double elapsed) {
  const double share =
      progress.total > 0 ? static_cast<double>(progress.step) / static_cast<double>(progress.total)
                         : 0;
  const int filled = static_cast<int>(std::lround(share * kBarWidth));
  std::string bar(std::clamp(filled, 0, kBarWidth), '#');
  bar.resize(kBarWidth, '.');
  constexpr std::size_t kNameWidth = 18;
  auto name = tr(stage_name(progress.stage));
  name.append(kNameWidth - std::min(kNameWidth, columns_of(name)), ' ');
  // \033[K: clears what a longer line before it left.
  out_ << '\r' << name << '[' << bar << "] " << steps_text(progress) << "  " << clock_text(elapsed)
       << left_text(progress) << "\033[K" << std::flush;
}

void ProgressDisplay::print_line(const Progress& progress, double elapsed) {
  out_ << tr(stage_name(progress.stage)) << ": " << steps_text(progress) << ", "
       << clock_text(elapsed) << left_text(progress) << std::endl;
}

void ProgressDisplay::finish_bar() {
  if (open_ && is_terminal_) out_ << std::endl;
  open_ = false;
}

}  // namespace glm_image::cli
