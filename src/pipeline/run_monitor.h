#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/torch.h"
#include "glm_image/pipeline.h"

namespace glm_image::pipeline {

/// Receives intermediate results by the name that the reference data gives them ("ar.generated",
/// "latents.steps", …): for tests and diagnosis.
using Observer = std::function<void(const std::string& name, const Tensor& value)>;

/// Follows one run: passes progress on, stops it when the caller wishes, and keeps what each stage
/// took.
class RunMonitor {
 public:
  explicit RunMonitor(ProgressCallback progress, Observer observer = {});

  /// Ends the stage before it, if any, and begins one of `total` steps.
  void begin(Stage stage, int64_t total);
  /// Throws kCancelled when the callback asks for it.
  void step(int64_t done, int64_t picture = 0);
  void end();
  /// Throws kCancelled when the callback asks for it, told once more where the run stands.
  void poll() { step(now_.step, now_.picture); }
  /// Runs `action` as a stage of one step in the middle of the present one, which then goes on
  /// where it stood. The action gets a monitor of its own, which reports nothing but cancels as
  /// this one.
  void interlude(Stage stage, const std::function<void(RunMonitor& quiet)>& action);

  void observe(const std::string& name, const Tensor& value) const {
    if (observer_) observer_(name, value);
  }
  bool has_observer() const { return static_cast<bool>(observer_); }

  /// What each stage took; a stage that ran several times is listed once, in order of its first
  /// run.
  const std::vector<StageReport>& reports() const { return reports_; }

 private:
  using Clock = std::chrono::steady_clock;

  void start_clock();

  ProgressCallback progress_;
  Observer observer_;
  std::vector<StageReport> reports_;
  bool running_ = false;
  Progress now_;
  Clock::time_point began_;
};

}  // namespace glm_image::pipeline
