#include "evaluate/intervals.h"

#include <algorithm>
#include <cmath>

#include "core/random_stream.h"

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

Interval bootstrap_interval(const std::vector<PictureSum>& pictures) {
  std::vector<PictureSum> counted;
  for (const auto& picture : pictures) {
    if (picture.count > 0) counted.push_back(picture);
  }
  if (counted.empty()) return {};
  constexpr std::size_t kSamples = 2000;
  RandomStream random(/*seed=*/95);
  std::vector<double> means(kSamples);
  std::vector<PictureSum> sample(counted.size());
  for (auto& mean : means) {
    for (auto& picture : sample) picture = random.pick(counted);
    mean = mean_of(sample);
  }
  std::sort(means.begin(), means.end());
  const std::size_t tail = kSamples / 40;
  return {means[tail], means[kSamples - 1 - tail]};
}

double mean_of(const std::vector<PictureSum>& pictures) {
  PictureSum all;
  for (const auto& picture : pictures) {
    all.sum += picture.sum;
    all.count += picture.count;
  }
  return all.count == 0 ? 0 : all.sum / static_cast<double>(all.count);
}

}  // namespace glm_image::evaluate
