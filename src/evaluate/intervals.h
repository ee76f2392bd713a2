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

/// Of the mean of values from 0 to 1: the middle 95 % of the means of 2000 samples drawn with
/// replacement, the same ones at every call (percentile bootstrap, Efron 1979). From 0 to 1 when
/// there are none.
Interval bootstrap_interval(const std::vector<double>& values);

/// 0 when there are none.
double mean_of(const std::vector<double>& values);

}  // namespace glm_image::evaluate
