#pragma once

#include <cstdint>
#include <vector>

namespace glm_image::evaluate {

/// A 95 % confidence interval.
struct Interval {
  double low = 0, high = 1;
};

/// Returns Wilson's score interval (1927) of a proportion, or [0, 1] if `total` is 0.
Interval wilson_interval(int64_t right, int64_t total);

/// One picture's contribution to a mean: the sum and the number of its values from 0 to 1.
struct PictureSum {
  double sum = 0;
  int64_t count = 0;
};

/// Returns the percentile bootstrap interval (Efron 1979) of the mean of all values, from 2000
/// resamples with a fixed seed. It resamples pictures, not values, because the values of one
/// picture are correlated. Returns [0, 1] if there are no values.
Interval bootstrap_interval(const std::vector<PictureSum>& pictures);

/// Returns the mean of all values, or 0 for an empty list.
double mean_of(const std::vector<PictureSum>& pictures);

}  // namespace glm_image::evaluate
