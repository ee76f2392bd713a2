#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "io/json_file.h"

namespace glm_image::train {

/// Measurements of one or more batches by name; NaN if a batch had nothing to measure.
using Measured = std::map<std::string, double>;

/// Running means of the measurements of several steps, for one line of metrics. Also counts the
/// steps that were skipped because their loss or gradient was not finite. A checkpoint stores it,
/// so that a resumed run continues the line.
class MetricsWindow {
 public:
  /// NaN values are ignored. Infinite values count as not finite.
  void add(const Measured& step);
  /// Records a skipped step. `measured` holds its finite values, `not_finite` the names of the
  /// others.
  void skip(const Measured& measured, const std::vector<std::string>& not_finite);
  void add_seconds(double seconds) { seconds_ += seconds; }

  int64_t steps() const { return steps_ + skipped_; }
  double seconds_per_step() const;
  /// Returns the means of the finite values and resets the window. A name without any finite value
  /// has NaN. "skipped" is present if a step was skipped.
  Measured take();

  io::Json to_json() const;
  /// Parses the output of to_json, of at most `most_steps` steps. Throws kCorruptFile if it is not
  /// valid.
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
