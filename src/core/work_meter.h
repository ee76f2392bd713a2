#pragma once

#include <functional>

namespace glm_image {

/// Watches the long operations of a thread: they report their work piece by piece, which lets the
/// watcher show progress, and stop them by an exception.
class WorkMeter {
 public:
  /// `operations` counts those of the piece that is done; operations that do not count report 0.
  using Report = std::function<void(double operations)>;

  /// Until it is destroyed, operations that this thread starts report to `report`, on this thread.
  /// Meters of a thread nest: the last one receives the reports.
  explicit WorkMeter(Report report);
  ~WorkMeter();
  WorkMeter(const WorkMeter&) = delete;
  WorkMeter& operator=(const WorkMeter&) = delete;

 private:
  friend void report_work(double operations);
  Report report_;
  WorkMeter* outer_;
};

/// Called by a long operation after each piece, of a few milliseconds at least where possible. Does
/// nothing on a thread without a meter. Throws what the meter throws.
void report_work(double operations = 0);

}  // namespace glm_image
