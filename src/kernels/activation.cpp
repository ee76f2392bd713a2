#include "kernels/activation.h"

#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/exponential-inl.h"
#include "kernels/float_vectors-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

/// x·sigmoid(a) = x/(1 + exp(−a)).
HWY_INLINE FloatVector times_sigmoid(FloatVector x, FloatVector a) {
  const FloatTag d;
  const auto exponent = hn::Neg(a);
  const auto quotient = hn::Div(x, hn::Add(hn::Set(d, 1.0F), exponential(exponent)));
  // Where the exponential would overflow the limit is 0, also for x = −∞.
  return hn::IfThenZeroElse(hn::Gt(exponent, hn::Set(d, kLargestExponent)), quotient);
}

void gelu_tanh_kernel(Element element, const void* x, void* out, int64_t count) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for_each_vector(count, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
      const FloatTag d;
      const auto value = load_here(static_cast<const T*>(x));
      // (1 + tanh(u))/2 = sigmoid(2·u)
      const auto square = hn::Mul(value, value);
      const auto slope =
          hn::MulAdd(square, hn::Set(d, 1.5957691216F * 0.044715F), hn::Set(d, 1.5957691216F));
      store_here(times_sigmoid(value, hn::Mul(value, slope)), static_cast<T*>(out));
    });
  });
}

void silu_gate_kernel(Element element, const void* x, void* out, int64_t rows, int64_t channels) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for (int64_t row = 0; row < rows; ++row) {
      const T* gates = static_cast<const T*>(x) + 2 * row * channels;
      T* out_row = static_cast<T*>(out) + row * channels;
      for_each_vector(channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto gate = load_here(gates);
        const auto up = load_here(gates + channels);
        store_here(hn::Mul(times_sigmoid(gate, gate), up), out_row);
      });
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(gelu_tanh_kernel);
HWY_EXPORT(silu_gate_kernel);

void gelu_tanh(Element element, const void* x, void* out, int64_t count) {
  HWY_DYNAMIC_DISPATCH(gelu_tanh_kernel)(element, x, out, count);
}

void silu_gate(Element element, const void* x, void* out, int64_t rows, int64_t channels) {
  HWY_DYNAMIC_DISPATCH(silu_gate_kernel)(element, x, out, rows, channels);
}

}  // namespace glm_image::kernels
#endif
