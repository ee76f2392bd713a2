#include "pipeline/run_monitor.h"

#include <algorithm>

#include "core/error.h"
#include "core/memory.h"

namespace glm_image {

const char* stage_name(Stage stage) {
  switch (stage) {
    case Stage::kReadingWeights:
      return "reading weights";
    case Stage::kReadingPictures:
      return "reading pictures";
    case Stage::kImageTokens:
      return "image tokens";
    case Stage::kSpelling:
      return "spelling";
    case Stage::kDenoising:
      return "denoising";
    case Stage::kDecoding:
      return "decoding";
  }
  return "";
}

}  // namespace glm_image

namespace glm_image::pipeline {

RunMonitor::RunMonitor(ProgressCallback progress, Observer observer)
    : progress_(std::move(progress)), observer_(std::move(observer)) {}

void RunMonitor::begin(Stage stage, int64_t total) {
  end();
  running_ = true;
  now_ = {stage, /*step=*/0, total, /*picture=*/0};
  began_ = Clock::now();
  reset_peak_resident_bytes();
  step(0);
}

void RunMonitor::step(int64_t done, int64_t picture) {
  now_.step = done;
  now_.picture = picture;
  if (progress_ && !progress_(now_)) fail(ErrorCode::kCancelled, "stopped as asked");
}

void RunMonitor::end() {
  if (!running_) return;
  running_ = false;
  const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
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
