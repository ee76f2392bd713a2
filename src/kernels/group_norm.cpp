#include "kernels/group_norm.h"

#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/group_norm.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/exponential-inl.h"
#include "kernels/float_vectors-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

/// function(load, store, channel) for each vector of channels: its inner loop covers the cells of a
/// run, so that per-channel values stay in registers. A run fits the first-level cache.
template <typename Function>
HWY_INLINE void for_each_channel_vector(int64_t channels, const Function& function) {
  int64_t c = 0;
  for (; c + lanes() <= channels; c += lanes()) {
    function([](const auto* from) HWY_ATTR { return load(from); },
             [](FloatVector value, auto* to) HWY_ATTR { store(value, to); },
             c);
  }
  if (c < channels) {
    const int64_t rest = channels - c;
    function([rest](const auto* from) HWY_ATTR { return load_some(from, rest); },
             [rest](FloatVector value, auto* to) HWY_ATTR { store_some(value, to, rest); },
             c);
  }
}

/// dy·silu'(u) = dy·s·(1 + u·(1 − s)), s = sigmoid(u).
HWY_INLINE FloatVector silu_gradient(FloatVector u, FloatVector dy) {
  const auto one = hn::Set(FloatTag(), 1.0F);
  const auto s = sigmoid(u);
  return hn::Mul(dy, hn::Mul(s, hn::MulAdd(u, hn::Sub(one, s), one)));
}

void channel_sums_kernel(Element element, const CellRun& run, float* sums, float* squares) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    for_each_channel_vector(run.channels,
                            [&](const auto& load_here, const auto& store_here, int64_t c) HWY_ATTR {
                              const T* x = static_cast<const T*>(run.x) + c;
                              auto sum = hn::Zero(d), square = hn::Zero(d);
                              for (int64_t cell = 0; cell < run.cells; ++cell, x += run.channels) {
                                const auto value = load_here(x);
                                sum = hn::Add(sum, value);
                                square = hn::MulAdd(value, value, square);
                              }
                              store_here(sum, sums + c);
                              store_here(square, squares + c);
                            });
  });
}

void scaled_silu_kernel(Element element,
                        const CellRun& run,
                        const ChannelScales& scales,
                        void* out) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for_each_channel_vector(
        run.channels, [&](const auto& load_here, const auto& store_here, int64_t c) HWY_ATTR {
          const T* x = static_cast<const T*>(run.x) + c;
          T* y = static_cast<T*>(out) + c;
          const auto scale = load_here(scales.scale + c), shift = load_here(scales.shift + c);
          for (int64_t cell = 0; cell < run.cells; ++cell) {
            const auto u = hn::MulAdd(load_here(x), scale, shift);
            store_here(hn::Mul(u, sigmoid(u)), y);
            x += run.channels;
            y += run.channels;
          }
        });
  });
}

void scaled_silu_gradient_sums_kernel(Element element,
                                      const CellRun& run,
                                      const void* dy,
                                      const ChannelScales& scales,
                                      float* sums,
                                      float* products) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const FloatTag d;
    for_each_channel_vector(
        run.channels, [&](const auto& load_here, const auto& store_here, int64_t c) HWY_ATTR {
          const T* x = static_cast<const T*>(run.x) + c;
          const T* gradient = static_cast<const T*>(dy) + c;
          const auto scale = load_here(scales.scale + c), shift = load_here(scales.shift + c);
          auto sum = hn::Zero(d), product = hn::Zero(d);
          for (int64_t cell = 0; cell < run.cells; ++cell) {
            const auto value = load_here(x);
            const auto du = silu_gradient(hn::MulAdd(value, scale, shift), load_here(gradient));
            sum = hn::Add(sum, du);
            product = hn::MulAdd(du, value, product);
            x += run.channels;
            gradient += run.channels;
          }
          store_here(sum, sums + c);
          store_here(product, products + c);
        });
  });
}

void scaled_silu_gradient_kernel(Element element,
                                 const CellRun& run,
                                 const void* dy,
                                 const ChannelScales& scales,
                                 const float* slope,
                                 const float* offset,
                                 void* dx) {
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for_each_channel_vector(
        run.channels, [&](const auto& load_here, const auto& store_here, int64_t c) HWY_ATTR {
          const T* x = static_cast<const T*>(run.x) + c;
          const T* gradient = static_cast<const T*>(dy) + c;
          T* out = static_cast<T*>(dx) + c;
          const auto scale = load_here(scales.scale + c), shift = load_here(scales.shift + c);
          const auto slopes = load_here(slope + c), offsets = load_here(offset + c);
          for (int64_t cell = 0; cell < run.cells; ++cell) {
            const auto value = load_here(x);
            const auto du = silu_gradient(hn::MulAdd(value, scale, shift), load_here(gradient));
            store_here(hn::MulAdd(scale, du, hn::MulAdd(slopes, value, offsets)), out);
            x += run.channels;
            gradient += run.channels;
            out += run.channels;
          }
        });
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(channel_sums_kernel);
HWY_EXPORT(scaled_silu_kernel);
HWY_EXPORT(scaled_silu_gradient_sums_kernel);
HWY_EXPORT(scaled_silu_gradient_kernel);

void channel_sums(Element element, const CellRun& run, float* sums, float* squares) {
  HWY_DYNAMIC_DISPATCH(channel_sums_kernel)(element, run, sums, squares);
}

void scaled_silu(Element element, const CellRun& run, const ChannelScales& scales, void* out) {
  HWY_DYNAMIC_DISPATCH(scaled_silu_kernel)(element, run, scales, out);
}

void scaled_silu_gradient_sums(Element element,
                               const CellRun& run,
                               const void* dy,
                               const ChannelScales& scales,
                               float* sums,
                               float* products) {
  HWY_DYNAMIC_DISPATCH(scaled_silu_gradient_sums_kernel)
  (element, run, dy, scales, sums, products);
}

void scaled_silu_gradient(Element element,
                          const CellRun& run,
                          const void* dy,
                          const ChannelScales& scales,
                          const float* slope,
                          const float* offset,
                          void* dx) {
  HWY_DYNAMIC_DISPATCH(scaled_silu_gradient_kernel)
  (element, run, dy, scales, slope, offset, dx);
}

}  // namespace glm_image::kernels
#endif
