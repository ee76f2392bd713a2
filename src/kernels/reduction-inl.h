// Sums over a row, compiled once per instruction set.
#if defined(GLM_IMAGE_KERNELS_REDUCTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GLM_IMAGE_KERNELS_REDUCTION_INL_H_
#undef GLM_IMAGE_KERNELS_REDUCTION_INL_H_
#else
#define GLM_IMAGE_KERNELS_REDUCTION_INL_H_
#endif

#include <cmath>

#include "kernels/float_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

/// Returns the sum over a row, accumulated by add(values, sum so far). Four independent sums hide
/// the latency of an addition and keep rounding errors small.
template <typename T, typename Add>
HWY_INLINE float sum_over(const T* values, int64_t count, const Add& add) {
  const FloatTag d;
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  int64_t i = 0;
  for (; i + 4 * lanes() <= count; i += 4 * lanes()) {
    sum0 = add(load(values + i), sum0);
    sum1 = add(load(values + i + lanes()), sum1);
    sum2 = add(load(values + i + 2 * lanes()), sum2);
    sum3 = add(load(values + i + 3 * lanes()), sum3);
  }
  for (; i + lanes() <= count; i += lanes()) sum0 = add(load(values + i), sum0);
  if (i < count) {
    const auto added = add(load_some(values + i, count - i), sum1);
    sum1 = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(count - i)), added, sum1);
  }
  return sum_of_lanes(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)));
}

struct Moments {
  float mean, inverse_deviation;
};

/// mean and 1/√(variance + eps). The variance is that of the values minus their mean: the
/// difference of two large sums would cancel.
template <typename T>
HWY_INLINE Moments mean_and_inverse_deviation(const T* values, int64_t count, float eps) {
  const FloatTag d;
  const auto n = static_cast<float>(count);
  const float mean =
      sum_over(
          values, count, [](FloatVector v, FloatVector sum) HWY_ATTR { return hn::Add(sum, v); }) /
      n;
  const auto means = hn::Set(d, mean);
  const float squares = sum_over(values, count, [&](FloatVector v, FloatVector sum) HWY_ATTR {
    const auto difference = hn::Sub(v, means);
    return hn::MulAdd(difference, difference, sum);
  });
  return {mean, 1.0F / std::sqrt(squares / n + eps)};
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
