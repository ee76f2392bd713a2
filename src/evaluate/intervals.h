#pragma once

#include <cstdint>
#include <vector>

namespace glm_image::evaluate {

/// 95 % confidence.
struct Interval {
  double low = 0, high = 1;
};

/// Of a proportion: Wilson's score interval (1927). From 0 to 1 when nothing was counted.
Interval wilson_interval(int64_t right, int64_t total);

/// What one picture adds to a mean: a sum of values from 0 to 1, and how many they are.
struct PictureSum {
  double sum = 0;
  int64_t count = 0;
};

/// Of the mean of all values: the middle 95 % of the means of 2000 samples of pictures drawn with
/// replacement, the same ones at every call (percentile bootstrap, Efron 1979). What one picture
/// holds succeeds and fails together, so pictures are drawn and not values. From 0 to 1 when there
/// are none.
Interval bootstrap_interval(const std::vector<PictureSum>& pictures);

/// 0 when there are none.
double mean_of(const std::vector<PictureSum>& pictures);

}  // namespace glm_image::evaluate
