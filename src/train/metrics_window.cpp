#include "train/metrics_window.h"

#include <algorithm>
#include <cmath>

namespace glm_image::train {

void MetricsWindow::add(const Measured& step) {
  for (const auto& [name, value] : step) {
    if (std::isnan(value)) continue;
    auto& sum = sums_[name];
    sum.value += value;
    ++sum.count;
  }
  ++steps_;
}

double MetricsWindow::seconds_per_step() const {
  return seconds_ / static_cast<double>(std::max<int64_t>(steps(), 1));
}

Measured MetricsWindow::take() {
  Measured means;
  for (const auto& [name, sum] : sums_) means[name] = sum.value / static_cast<double>(sum.count);
  if (skipped_ > 0) means["skipped"] = static_cast<double>(skipped_);
  *this = {};
  return means;
}

nlohmann::json MetricsWindow::to_json() const {
  auto sums = nlohmann::json::object();
  for (const auto& [name, sum] : sums_) sums[name] = {sum.value, sum.count};
  return {{"sums", sums}, {"steps", steps_}, {"skipped", skipped_}, {"seconds", seconds_}};
}

MetricsWindow MetricsWindow::from_json(const nlohmann::json& json) {
  MetricsWindow window;
  for (const auto& [name, sum] : json.at("sums").items()) {
    window.sums_[name] = {sum.at(0).get<double>(), sum.at(1).get<int64_t>()};
  }
  window.steps_ = json.at("steps").get<int64_t>();
  window.skipped_ = json.at("skipped").get<int64_t>();
  window.seconds_ = json.at("seconds").get<double>();
  return window;
}

}  // namespace glm_image::train
