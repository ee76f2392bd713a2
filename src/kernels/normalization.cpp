#include "kernels/normalization.h"

#include <cmath>

#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normalization.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/float_vectors-inl.h"
#include "kernels/reduction-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

void modulated_layer_norm_kernel(Element element,
                                 const void* x,
                                 const void* shift,
                                 const void* scale,
                                 void* out,
                                 int64_t rows,
                                 int64_t channels,
                                 float eps) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    for (int64_t row = 0; row < rows; ++row) {
      const T* in = static_cast<const T*>(x) + row * channels;
      const Moments moments = mean_and_inverse_deviation(in, channels, eps);
      const auto mean = hn::Set(d, moments.mean);
      const auto inverse = hn::Set(d, moments.inverse_deviation);
      for_each_vector(channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto normed = hn::Mul(hn::Sub(load_here(in), mean), inverse);
        const auto factor = hn::Add(hn::Set(d, 1.0F), load_here(static_cast<const T*>(scale)));
        store_here(hn::MulAdd(normed, factor, load_here(static_cast<const T*>(shift))),
                   static_cast<T*>(out) + row * channels);
      });
    }
  });
}

void rms_norm_kernel(Element element,
                     const void* x,
                     const void* weight,
                     void* out,
                     int64_t rows,
                     int64_t channels,
                     float eps) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    for (int64_t row = 0; row < rows; ++row) {
      const T* in = static_cast<const T*>(x) + row * channels;
      const float mean_square =
          sum_over(in,
                   channels,
                   [](FloatVector v, FloatVector sum) HWY_ATTR { return hn::MulAdd(v, v, sum); }) /
          static_cast<float>(channels);
      const auto inverse = hn::Set(d, 1.0F / std::sqrt(mean_square + eps));
      for_each_vector(channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        store_here(
            hn::Mul(hn::Mul(load_here(in), inverse), load_here(static_cast<const T*>(weight))),
            static_cast<T*>(out) + row * channels);
      });
    }
  });
}

void gated_residual_kernel(Element element,
                           const void* x,
                           const void* y,
                           const void* gate,
                           void* out,
                           int64_t rows,
                           int64_t channels) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t begin = row * channels;
      for_each_vector(channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto base = load_here(static_cast<const T*>(x) + begin);
        const auto update = load_here(static_cast<const T*>(y) + begin);
        store_here(hn::MulAdd(load_here(static_cast<const T*>(gate)), update, base),
                   static_cast<T*>(out) + begin);
      });
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(modulated_layer_norm_kernel);
HWY_EXPORT(rms_norm_kernel);
HWY_EXPORT(gated_residual_kernel);

void modulated_layer_norm(Element element,
                          const void* x,
                          const void* shift,
                          const void* scale,
                          void* out,
                          int64_t rows,
                          int64_t channels,
                          float eps) {
  HWY_DYNAMIC_DISPATCH(modulated_layer_norm_kernel)
  (element, x, shift, scale, out, rows, channels, eps);
}

void rms_norm(Element element,
              const void* x,
              const void* weight,
              void* out,
              int64_t rows,
              int64_t channels,
              float eps) {
  HWY_DYNAMIC_DISPATCH(rms_norm_kernel)(element, x, weight, out, rows, channels, eps);
}

void gated_residual(Element element,
                    const void* x,
                    const void* y,
                    const void* gate,
                    void* out,
                    int64_t rows,
                    int64_t channels) {
  HWY_DYNAMIC_DISPATCH(gated_residual_kernel)(element, x, y, gate, out, rows, channels);
}

}  // namespace glm_image::kernels
#endif
