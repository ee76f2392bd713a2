#include "kernels/rotary.h"

#include <algorithm>

#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rotary.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/float_vectors-inl.h"
#include "kernels/reduction-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

template <typename In, typename Out>
HWY_INLINE void rotate(
    const In* in, const float* cos, const float* sin, int64_t rotated, Out* out) {
  const int64_t half = rotated / 2;
  for_each_vector(half, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
    const auto low = load_here(in), high = load_here(in + half);
    const auto low_sin = hn::Mul(high, load_here(sin));
    const auto high_sin = hn::Mul(low, load_here(sin + half));
    store_here(hn::MulSub(low, load_here(cos), low_sin), out);
    store_here(hn::MulAdd(high, load_here(cos + half), high_sin), out + half);
  });
}

void rotary_kernel(Element element, const TokenHeads& heads, const RotaryAngles& angles) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const T* in = static_cast<const T*>(heads.x);
    T* out = static_cast<T*>(heads.out);
    for (int64_t token = 0; token < heads.tokens; ++token) {
      const float* cos = angles.cos + token * angles.rotated;
      const float* sin = angles.sin + token * angles.rotated;
      for (int64_t head = 0; head < heads.heads; ++head) {
        rotate(in, cos, sin, angles.rotated, out);
        std::copy(in + angles.rotated, in + heads.dim, out + angles.rotated);
        in += heads.dim;
        out += heads.dim;
      }
    }
  });
}

void head_norm_rotary_kernel(Element element,
                             const TokenHeads& heads,
                             const RotaryAngles& angles,
                             float eps) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    const int64_t rotated = angles.rotated;
    const T* in = static_cast<const T*>(heads.x);
    T* out = static_cast<T*>(heads.out);
    HWY_ALIGN float normed[kMaxNormedHead];
    for (int64_t token = 0; token < heads.tokens; ++token) {
      const float* cos = angles.cos + token * rotated;
      const float* sin = angles.sin + token * rotated;
      for (int64_t head = 0; head < heads.heads; ++head) {
        const Moments moments = mean_and_inverse_deviation(in, heads.dim, eps);
        const auto mean = hn::Set(d, moments.mean);
        const auto inverse = hn::Set(d, moments.inverse_deviation);
        for_each_vector(heads.dim, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
          store_here(hn::Mul(hn::Sub(load_here(in), mean), inverse), normed);
        });
        rotate(normed, cos, sin, rotated, out);
        const int64_t rest = heads.dim - rotated;
        for_each_vector(rest, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
          store_here(load_here(normed + rotated), out + rotated);
        });
        in += heads.dim;
        out += heads.dim;
      }
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(rotary_kernel);
HWY_EXPORT(head_norm_rotary_kernel);

void rotary(Element element, const TokenHeads& heads, const RotaryAngles& angles) {
  HWY_DYNAMIC_DISPATCH(rotary_kernel)(element, heads, angles);
}

void head_norm_rotary(Element element,
                      const TokenHeads& heads,
                      const RotaryAngles& angles,
                      float eps) {
  HWY_DYNAMIC_DISPATCH(head_norm_rotary_kernel)(element, heads, angles, eps);
}

}  // namespace glm_image::kernels
#endif
