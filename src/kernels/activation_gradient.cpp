#include "kernels/activation_gradient.h"

#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation_gradient.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/exponential-inl.h"
#include "kernels/float_vectors-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

/// d/dx of x·s(u), s = sigmoid(u), u = a·x + b·x³: s·(1 + x·(1 − s)·u'), u' = a + 3·b·x².
HWY_INLINE FloatVector gelu_slope(FloatVector value) {
  const FloatTag d;
  const auto one = hn::Set(d, 1.0F);
  // Beyond ±10 the slope is 1 or 0 in float32; clamping keeps the cube from overflowing.
  const auto x = hn::Min(hn::Max(value, hn::Set(d, -10.0F)), hn::Set(d, 10.0F));
  const auto a = hn::Set(d, 1.5957691216F), b = hn::Set(d, 1.5957691216F * 0.044715F);
  const auto square = hn::Mul(x, x);
  const auto s = sigmoid(hn::Mul(x, hn::MulAdd(square, b, a)));
  const auto u_slope = hn::MulAdd(hn::Mul(square, b), hn::Set(d, 3.0F), a);
  return hn::Mul(s, hn::MulAdd(hn::Mul(x, hn::Sub(one, s)), u_slope, one));
}

void gelu_tanh_gradient_kernel(
    Element element, const void* x, const void* dy, void* dx, int64_t count) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for_each_vector(count, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
      const auto slope = gelu_slope(load_here(static_cast<const T*>(x)));
      store_here(hn::Mul(load_here(static_cast<const T*>(dy)), slope), static_cast<T*>(dx));
    });
  });
}

void silu_gate_gradient_kernel(
    Element element, const void* x, const void* dy, void* dx, int64_t rows, int64_t channels) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const auto one = hn::Set(FloatTag(), 1.0F);
    for (int64_t row = 0; row < rows; ++row) {
      const T* in = static_cast<const T*>(x) + 2 * row * channels;
      const T* gradient = static_cast<const T*>(dy) + row * channels;
      T* out = static_cast<T*>(dx) + 2 * row * channels;
      for_each_vector(channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto gate = load_here(in), up = load_here(in + channels);
        const auto s = sigmoid(gate);
        const auto scaled = hn::Mul(load_here(gradient), s);
        const auto slope = hn::MulAdd(gate, hn::Sub(one, s), one);
        store_here(hn::Mul(hn::Mul(scaled, up), slope), out);
        store_here(hn::Mul(scaled, gate), out + channels);
      });
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(gelu_tanh_gradient_kernel);
HWY_EXPORT(silu_gate_gradient_kernel);

void gelu_tanh_gradient(Element element, const void* x, const void* dy, void* dx, int64_t count) {
  HWY_DYNAMIC_DISPATCH(gelu_tanh_gradient_kernel)(element, x, dy, dx, count);
}

void silu_gate_gradient(
    Element element, const void* x, const void* dy, void* dx, int64_t rows, int64_t channels) {
  HWY_DYNAMIC_DISPATCH(silu_gate_gradient_kernel)(element, x, dy, dx, rows, channels);
}

}  // namespace glm_image::kernels
#endif
