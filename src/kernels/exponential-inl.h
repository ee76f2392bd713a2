// The exponential function and functions derived from it, compiled once per instruction set.
#if defined(GLM_IMAGE_KERNELS_EXPONENTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GLM_IMAGE_KERNELS_EXPONENTIAL_INL_H_
#undef GLM_IMAGE_KERNELS_EXPONENTIAL_INL_H_
#else
#define GLM_IMAGE_KERNELS_EXPONENTIAL_INL_H_
#endif

#include "kernels/float_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

inline constexpr float kLargestExponent = 88.0F;

/// e^x within two units of the last place for −87 ≤ x ≤ kLargestExponent, and the value at the
/// nearer end (1.6e-38 or 1.7e38) outside, also for NaN. It has less than half the instructions of
/// Highway's Exp, which handles all special cases.
HWY_INLINE FloatVector exponential(FloatVector x) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const auto bounded = hn::Min(hn::Max(x, hn::Set(d, -87.0F)), hn::Set(d, kLargestExponent));
  // Adding 1.5·2^23 leaves the nearest whole number n of x/ln 2 in the low bits of the mantissa.
  const auto shifter = hn::Set(d, 12582912.0F);
  const auto shifted = hn::MulAdd(bounded, hn::Set(d, 1.44269504F), shifter);
  const auto n = hn::Sub(shifted, shifter);
  // r = x − n·ln 2 in [−ln 2/2, ln 2/2], ln 2 in two parts of which the first times n is exact.
  const auto high = hn::NegMulAdd(n, hn::Set(d, 0.693359375F), bounded);
  const auto r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4F), high);
  // e^r: the polynomial of degree 6 with the least relative error, 2e-9.
  auto p = hn::Set(d, 1.3836844e-3F);
  p = hn::MulAdd(p, r, hn::Set(d, 8.3748173e-3F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1668226e-2F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666420e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 4.9999992e-1F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  // The shift drops all but n, which is added to the exponent.
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), exponent));
}

/// 1/(1 + e^−u).
HWY_INLINE FloatVector sigmoid(FloatVector u) {
  const auto one = hn::Set(FloatTag(), 1.0F);
  return hn::Div(one, hn::Add(one, exponential(hn::Neg(u))));
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
