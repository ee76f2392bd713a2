#include "kernels/rotary_gradient.h"

#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rotary_gradient.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/float_vectors-inl.h"
#include "kernels/reduction-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

/// Applies the transpose of the rotation to a head, in float32.
template <typename T>
HWY_INLINE void rotate_back(
    const T* dy, const float* cos, const float* sin, int64_t dim, int64_t rotated, float* out) {
  const int64_t half = rotated / 2;
  for_each_vector(half, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
    const auto low = load_here(dy), high = load_here(dy + half);
    const auto high_sin = hn::Mul(high, load_here(sin + half));
    const auto low_sin = hn::Mul(low, load_here(sin));
    store_here(hn::MulAdd(low, load_here(cos), high_sin), out);
    store_here(hn::MulSub(high, load_here(cos + half), low_sin), out + half);
  });
  for_each_vector(dim - rotated, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
    store_here(load_here(dy + rotated), out + rotated);
  });
}

void head_norm_rotary_gradient_kernel(Element element,
                                      const TokenHeads& heads,
                                      const void* dy,
                                      const RotaryAngles& angles,
                                      float eps) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    const auto dim = static_cast<float>(heads.dim);
    const T* x = static_cast<const T*>(heads.x);
    const T* gradient = static_cast<const T*>(dy);
    T* dx = static_cast<T*>(heads.out);
    HWY_ALIGN float g[kMaxNormedHead];
    for (int64_t token = 0; token < heads.tokens; ++token) {
      const float* cos = angles.cos + token * angles.rotated;
      const float* sin = angles.sin + token * angles.rotated;
      for (int64_t head = 0; head < heads.heads; ++head) {
        rotate_back(gradient, cos, sin, heads.dim, angles.rotated, g);
        const Moments moments = mean_and_inverse_deviation(x, heads.dim, eps);
        const auto mean = hn::Set(d, moments.mean);
        const auto inverse = hn::Set(d, moments.inverse_deviation);
        auto sum = hn::Zero(d), product = hn::Zero(d);
        for_each_vector(heads.dim, [&](const auto& load_here, const auto&) HWY_ATTR {
          const auto normed = hn::Mul(hn::Sub(load_here(x), mean), inverse);
          const auto value = load_here(g);
          sum = hn::Add(sum, value);
          product = hn::MulAdd(value, normed, product);
        });
        const auto mean_g = hn::Set(d, sum_of_lanes(sum) / dim);
        const auto mean_product = hn::Set(d, sum_of_lanes(product) / dim);
        for_each_vector(heads.dim, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
          const auto normed = hn::Mul(hn::Sub(load_here(x), mean), inverse);
          const auto centred = hn::NegMulAdd(normed, mean_product, hn::Sub(load_here(g), mean_g));
          store_here(hn::Mul(inverse, centred), dx);
        });
        x += heads.dim;
        gradient += heads.dim;
        dx += heads.dim;
      }
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(head_norm_rotary_gradient_kernel);

void head_norm_rotary_gradient(Element element,
                               const TokenHeads& heads,
                               const void* dy,
                               const RotaryAngles& angles,
                               float eps) {
  HWY_DYNAMIC_DISPATCH(head_norm_rotary_gradient_kernel)(element, heads, dy, angles, eps);
}

}  // namespace glm_image::kernels
#endif
