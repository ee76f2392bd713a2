#include "train/run/metrics_window.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace glm_image::train {
namespace {

/// The largest integer up to which a double is exact; more measurements than a step can have.
constexpr int64_t kMostMeasurements = int64_t{1} << 53;

}  // namespace

void MetricsWindow::add_values(const Measured& step) {
  for (const auto& [name, value] : step) {
    if (std::isnan(value)) continue;
    auto& sum = sums_[name];
    if (!std::isfinite(sum.value + value)) continue;
    sum.value += value;
    ++sum.count;
  }
}

void MetricsWindow::add(const Measured& step) {
  add_values(step);
  ++steps_;
}

void MetricsWindow::skip(const Measured& measured, const std::vector<std::string>& not_finite) {
  add_values(measured);
  for (const auto& name : not_finite) sums_[name];
  ++skipped_;
}

double MetricsWindow::seconds_per_step() const {
  return seconds_ / static_cast<double>(std::max<int64_t>(steps(), 1));
}

Measured MetricsWindow::take() {
  Measured means;
  for (const auto& [name, sum] : sums_) {
    means[name] = sum.count > 0 ? sum.value / static_cast<double>(sum.count)
                                : std::numeric_limits<double>::quiet_NaN();
  }
  if (skipped_ > 0) means["skipped"] = static_cast<double>(skipped_);
  *this = {};
  return means;
}

io::Json MetricsWindow::to_json() const {
  auto sums = io::Json::object();
  for (const auto& [name, sum] : sums_) sums[name] = {sum.value, sum.count};
  return {{"sums", sums}, {"steps", steps_}, {"skipped", skipped_}, {"seconds", seconds_}};
}

MetricsWindow MetricsWindow::from_json(const io::JsonFields& fields, int64_t most_steps) {
  MetricsWindow window;
  const auto sums = fields.required_object("sums");
  for (const auto& [name, sum] : sums.json().items()) {
    const auto values = sums.required_double_list(name);
    if (values.size() != 2 || values[1] < 0 || values[1] != std::floor(values[1]) ||
        values[1] > static_cast<double>(kMostMeasurements)) {
      sums.refuse(name, "a sum and the number of its values");
    }
    window.sums_[name] = {values[0], static_cast<int64_t>(values[1])};
  }
  window.steps_ = fields.required_int64("steps", 0, most_steps);
  window.skipped_ = fields.required_int64("skipped", 0, most_steps - window.steps_);
  window.seconds_ = fields.required_double("seconds", 0);
  return window;
}

}  // namespace glm_image::train
