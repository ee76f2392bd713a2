#include "evaluate/intervals.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "posters/random_stream.h"

namespace glm_image::evaluate {

Interval wilson_interval(int64_t right, int64_t total) {
  if (total == 0) return {};
  constexpr double kDeviations = 1.959963984540054;
  constexpr double kSquare = kDeviations * kDeviations;
  const auto count = static_cast<double>(total);
  const double share = static_cast<double>(right) / count;
  const double middle = (share + kSquare / (2 * count)) / (1 + kSquare / count);
  const double reach = kDeviations / (1 + kSquare / count) *
                       std::sqrt(share * (1 - share) / count + kSquare / (4 * count * count));
  return {std::max(0.0, middle - reach), std::min(1.0, middle + reach)};
}

Interval bootstrap_interval(const std::vector<double>& values) {
  if (values.empty()) return {};
  constexpr std::size_t kSamples = 2000;
  posters::RandomStream random(/*seed=*/95);
  std::vector<double> means(kSamples);
  for (auto& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += random.pick(values);
    mean = sum / static_cast<double>(values.size());
  }
  std::sort(means.begin(), means.end());
  const std::size_t tail = kSamples / 40;
  return {means[tail], means[kSamples - 1 - tail]};
}

double mean_of(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace glm_image::evaluate
