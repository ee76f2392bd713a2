#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/torch.h"
#include "core/work_meter.h"
#include "glm_image/pipeline.h"

namespace glm_image::pipeline {

/// Receives intermediate results under their names in the reference data ("ar.generated",
/// "latents.steps", …), for tests and diagnosis.
using Observer = std::function<void(const std::string& name, const Tensor& value)>;

/// Steps of a picture in the stages that read or decode pictures.
inline constexpr int64_t kStepsPerPicture = 100;

/// Monitors one run: reports progress, cancels it if the caller asks, and records the time and
/// memory of each stage. While it lives it watches the long operations of its thread (WorkMeter),
/// so that a run can also be cancelled in the middle of a step.
class RunMonitor {
 public:
  explicit RunMonitor(ProgressCallback progress, Observer observer = {});
  RunMonitor(const RunMonitor&) = delete;
  RunMonitor& operator=(const RunMonitor&) = delete;

  /// Ends the current stage, if any, and begins one of `total` steps.
  void begin(Stage stage, int64_t total);
  /// Reports progress. Throws kCancelled if the callback returns false.
  void step(int64_t done, int64_t picture = 0);
  /// The next `steps` steps are `operations` of work. The monitor reports these steps as the work
  /// is reported to it, except the last, which is up to the caller.
  void expect_work(double operations, int64_t steps);
  void end();
  /// Reports the current progress again. Throws kCancelled if the callback returns false.
  void poll() { step(now_.step, now_.picture); }
  /// Runs `action` as a stage of one step within the current stage, which continues afterwards.
  /// `quiet` is a monitor that reports no progress but cancels as this one does.
  void nested_stage(Stage stage, const std::function<void(RunMonitor& quiet)>& action);

  void observe(const std::string& name, const Tensor& value) const {
    if (observer_) observer_(name, value);
  }
  bool has_observer() const { return static_cast<bool>(observer_); }

  /// Time and memory of each stage, in order of the first run; several runs of a stage are
  /// combined.
  const std::vector<StageReport>& reports() const { return reports_; }

 private:
  using Clock = std::chrono::steady_clock;

  void start_clock();
  void add_work(double operations);

  ProgressCallback progress_;
  Observer observer_;
  std::vector<StageReport> reports_;
  bool running_ = false;
  Progress now_;
  Clock::time_point began_, polled_;
  /// Work that the present steps are made of.
  struct Work {
    double total = 0, done = 0;
    int64_t first_step = 0, steps = 0;
  } work_;
  WorkMeter meter_;
};

}  // namespace glm_image::pipeline
