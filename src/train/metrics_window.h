#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace glm_image::train {

/// What one or several batches measured, by name; NaN where they had nothing to measure.
using Measured = std::map<std::string, double>;

/// Means of what a few steps measured, and how many of the steps changed nothing, since they gave
/// no finite gradient: a line of metrics in the making. A checkpoint takes it along, so that a run
/// that stops in the middle of a line goes on with it.
class MetricsWindow {
 public:
  /// What is NaN does not count.
  void add(const Measured& step);
  void skip() { ++skipped_; }
  void add_seconds(double seconds) { seconds_ += seconds; }

  int64_t steps() const { return steps_ + skipped_; }
  double seconds_per_step() const;
  /// The means, and "skipped" where a step was; then it is empty.
  Measured take();

  nlohmann::json to_json() const;
  /// Throws nlohmann's exceptions for what to_json did not write.
  static MetricsWindow from_json(const nlohmann::json& json);

 private:
  struct Sum {
    double value = 0;
    int64_t count = 0;
  };
  std::map<std::string, Sum> sums_;
  int64_t steps_ = 0, skipped_ = 0;
  double seconds_ = 0;
};

}  // namespace glm_image::train
