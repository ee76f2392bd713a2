#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "io/json_file.h"

namespace glm_image::train {

/// What one or several batches measured, by name; NaN where they had nothing to measure.
using Measured = std::map<std::string, double>;

/// Means of what a few steps measured, and the number of steps that changed nothing because their
/// loss or gradient was not finite: a line of metrics in the making. A checkpoint holds it, so that
/// a run that stops in the middle of a line continues that line.
class MetricsWindow {
 public:
  /// NaN does not count. An infinite value counts as one that is not finite.
  void add(const Measured& step);
  /// A step that changed nothing. `measured` is what was finite, `not_finite` what was not.
  void skip(const Measured& measured, const std::vector<std::string>& not_finite);
  void add_seconds(double seconds) { seconds_ += seconds; }

  int64_t steps() const { return steps_ + skipped_; }
  double seconds_per_step() const;
  /// The means of the finite values, NaN for what was measured and never finite, and "skipped"
  /// where a step was; then it is empty.
  Measured take();

  io::Json to_json() const;
  /// Reads what to_json wrote, of at most `most_steps` steps. Throws kCorruptFile for anything
  /// else.
  static MetricsWindow from_json(const io::JsonFields& fields, int64_t most_steps);

 private:
  struct Sum {
    double value = 0;
    int64_t count = 0;  ///< of finite values; 0: no value was finite
  };
  void add_values(const Measured& step);

  std::map<std::string, Sum> sums_;
  int64_t steps_ = 0, skipped_ = 0;
  double seconds_ = 0;
};

}  // namespace glm_image::train
