#include "kernels/normalization_gradient.h"

#include <cmath>

#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normalization_gradient.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/float_vectors-inl.h"
#include "kernels/reduction-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

void modulated_layer_norm_gradient_kernel(
    Element element, const NormalizedRows& rows, const void* scale, float* dshift, float* dscale) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    const auto one = hn::Set(d, 1.0F);
    const auto* scales = static_cast<const T*>(scale);
    const auto channels = static_cast<float>(rows.channels);
    for (int64_t row = 0; row < rows.rows; ++row) {
      const int64_t begin = row * rows.channels;
      const T* x = static_cast<const T*>(rows.x) + begin;
      const T* dy = static_cast<const T*>(rows.dy) + begin;
      T* dx = static_cast<T*>(rows.dx) + begin;
      const Moments moments = mean_and_inverse_deviation(x, rows.channels, rows.eps);
      const auto mean = hn::Set(d, moments.mean);
      const auto inverse = hn::Set(d, moments.inverse_deviation);
      auto sum = hn::Zero(d), product = hn::Zero(d);
      // Past the end of a row dy is read as zero, so nothing there reaches a sum.
      for_each_vector(rows.channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto normed = hn::Mul(hn::Sub(load_here(x), mean), inverse);
        const auto gradient = load_here(dy);
        const auto g = hn::Mul(gradient, hn::Add(one, load_here(scales)));
        sum = hn::Add(sum, g);
        product = hn::MulAdd(g, normed, product);
        store_here(hn::Add(load_here(dshift), gradient), dshift);
        store_here(hn::MulAdd(gradient, normed, load_here(dscale)), dscale);
      });
      const auto mean_g = hn::Set(d, sum_of_lanes(sum) / channels);
      const auto mean_product = hn::Set(d, sum_of_lanes(product) / channels);
      for_each_vector(rows.channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto normed = hn::Mul(hn::Sub(load_here(x), mean), inverse);
        const auto g = hn::Mul(load_here(dy), hn::Add(one, load_here(scales)));
        const auto centred = hn::NegMulAdd(normed, mean_product, hn::Sub(g, mean_g));
        store_here(hn::Mul(inverse, centred), dx);
      });
    }
  });
}

void rms_norm_gradient_kernel(Element element,
                              const NormalizedRows& rows,
                              const void* weight,
                              float* dweight) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    const auto* weights = static_cast<const T*>(weight);
    const auto channels = static_cast<float>(rows.channels);
    for (int64_t row = 0; row < rows.rows; ++row) {
      const int64_t begin = row * rows.channels;
      const T* x = static_cast<const T*>(rows.x) + begin;
      const T* dy = static_cast<const T*>(rows.dy) + begin;
      T* dx = static_cast<T*>(rows.dx) + begin;
      const float mean_square =
          sum_over(x,
                   rows.channels,
                   [](FloatVector v, FloatVector sum) HWY_ATTR { return hn::MulAdd(v, v, sum); }) /
          channels;
      const auto inverse = hn::Set(d, 1.0F / std::sqrt(mean_square + rows.eps));
      auto product = hn::Zero(d);
      for_each_vector(rows.channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto share = hn::Mul(hn::Mul(load_here(x), inverse), load_here(dy));
        product = hn::MulAdd(share, load_here(weights), product);
        store_here(hn::Add(load_here(dweight), share), dweight);
      });
      const auto mean_product = hn::Set(d, sum_of_lanes(product) / channels);
      for_each_vector(rows.channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto normed = hn::Mul(load_here(x), inverse);
        const auto g = hn::Mul(load_here(dy), load_here(weights));
        store_here(hn::Mul(inverse, hn::NegMulAdd(normed, mean_product, g)), dx);
      });
    }
  });
}

void gated_residual_gradient_kernel(Element element,
                                    const void* y,
                                    const void* gate,
                                    const void* d,
                                    void* dy,
                                    float* dgate,
                                    int64_t rows,
                                    int64_t channels) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t begin = row * channels;
      for_each_vector(channels, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
        const auto gradient = load_here(static_cast<const T*>(d) + begin);
        const auto update = load_here(static_cast<const T*>(y) + begin);
        store_here(hn::Mul(gradient, load_here(static_cast<const T*>(gate))),
                   static_cast<T*>(dy) + begin);
        store_here(hn::MulAdd(gradient, update, load_here(dgate)), dgate);
      });
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(modulated_layer_norm_gradient_kernel);
HWY_EXPORT(rms_norm_gradient_kernel);
HWY_EXPORT(gated_residual_gradient_kernel);

void modulated_layer_norm_gradient(
    Element element, const NormalizedRows& rows, const void* scale, float* dshift, float* dscale) {
  HWY_DYNAMIC_DISPATCH(modulated_layer_norm_gradient_kernel)(element, rows, scale, dshift, dscale);
}

void rms_norm_gradient(Element element,
                       const NormalizedRows& rows,
                       const void* weight,
                       float* dweight) {
  HWY_DYNAMIC_DISPATCH(rms_norm_gradient_kernel)(element, rows, weight, dweight);
}

void gated_residual_gradient(Element element,
                             const void* y,
                             const void* gate,
                             const void* d,
                             void* dy,
                             float* dgate,
                             int64_t rows,
                             int64_t channels) {
  HWY_DYNAMIC_DISPATCH(gated_residual_gradient_kernel)
  (element, y, gate, d, dy, dgate, rows, channels);
}

}  // namespace glm_image::kernels
#endif
