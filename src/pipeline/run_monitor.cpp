#include "pipeline/run_monitor.h"

#include <algorithm>

#include "core/error.h"
#include "core/memory.h"
#include "core/seconds_since.h"

namespace glm_image {

const char* stage_name(Stage stage) {
  switch (stage) {
    case Stage::kReadingWeights:
      return "reading weights";
    case Stage::kReadingPictures:
      return "reading pictures";
    case Stage::kImageTokens:
      return "image tokens";
    case Stage::kPreviewing:
      return "drawing a preview";
    case Stage::kSpelling:
      return "spelling";
    case Stage::kDenoising:
      return "denoising";
    case Stage::kDecoding:
      return "decoding";
    case Stage::kVerifying:
      return "reading the texts back";
  }
  return "";
}

}  // namespace glm_image

namespace glm_image::pipeline {

RunMonitor::RunMonitor(ProgressCallback progress, Observer observer)
    : progress_(std::move(progress)),
      observer_(std::move(observer)),
      meter_([this](double operations) { add_work(operations); }) {}

void RunMonitor::begin(Stage stage, int64_t total) {
  end();
  now_ = {stage, /*step=*/0, total, /*picture=*/0};
  work_ = {};
  start_clock();
  step(0);
}

void RunMonitor::start_clock() {
  running_ = true;
  began_ = Clock::now();
  reset_peak_resident_bytes();
}

void RunMonitor::nested_stage(Stage stage, const std::function<void(RunMonitor& quiet)>& action) {
  const auto paused = now_;
  const auto paused_work = work_;
  begin(stage, /*total=*/1);
  now_.picture = paused.picture;
  RunMonitor quiet([this](const Progress&) {
    poll();
    return true;
  });
  action(quiet);
  step(1, paused.picture);
  end();
  now_ = paused;
  work_ = paused_work;
  start_clock();
}

void RunMonitor::expect_work(double operations, int64_t steps) {
  work_ = {operations, /*done=*/0, now_.step, steps};
}

void RunMonitor::add_work(double operations) {
  constexpr auto kBetweenReports = std::chrono::milliseconds(100);
  work_.done += operations;
  const auto now = Clock::now();
  if (!running_ || now - polled_ < kBetweenReports) return;
  auto step_now = now_.step;
  if (work_.total > 0) {
    const double share = std::min(work_.done / work_.total, 1.0);
    const auto steps = static_cast<int64_t>(share * static_cast<double>(work_.steps));
    step_now = std::max(step_now, work_.first_step + std::min(steps, work_.steps - 1));
  }
  step(step_now, now_.picture);
}

void RunMonitor::step(int64_t done, int64_t picture) {
  polled_ = Clock::now();
  now_.step = done;
  now_.picture = picture;
  if (progress_ && !progress_(now_)) fail(ErrorCode::kCancelled, "stopped on request");
}

void RunMonitor::end() {
  if (!running_) return;
  running_ = false;
  const double seconds = seconds_since(began_);
  const int64_t peak = peak_resident_bytes();
  const auto known = std::find_if(reports_.begin(), reports_.end(), [this](const auto& report) {
    return report.stage == now_.stage;
  });
  if (known == reports_.end()) {
    reports_.push_back({now_.stage, seconds, peak});
    return;
  }
  known->seconds += seconds;
  known->peak_memory_bytes = std::max(known->peak_memory_bytes, peak);
}

}  // namespace glm_image::pipeline
