#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/quantised_kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif

namespace glm_image::kernels::neondot {

constexpr int64_t kLanes = 4;
constexpr int64_t kTileRows = 6;
constexpr int64_t kUnit = PackedIntegers::kStepDepth;
constexpr bool kPadsRows = false, kReadsNibbles = true;
constexpr int64_t kStepBytes = 4 * PackedIntegers::kPanelColumns;

using Ints = int32x4_t;
using Floats = float32x4_t;
using Bytes = int8x16_t;

inline Ints set_ints(int32_t value) {
  return vdupq_n_s32(value);
}

inline Floats load_floats(const float* from) {
  return vld1q_f32(from);
}

inline void store_floats(Floats values, float* to) {
  vst1q_f32(to, values);
}

inline Floats add_scaled(Floats sum, Ints integers, float x_scale, Floats w_scale) {
  return vfmaq_f32(sum, vcvtq_f32_s32(integers), vmulq_n_f32(w_scale, x_scale));
}

template <ScaleType kType>
inline Floats load_scales(const char* from) {
  if constexpr (kType == ScaleType::kFloat32) {
    return vld1q_f32(reinterpret_cast<const float*>(from));
  } else {
    const auto bits = vld1_u16(reinterpret_cast<const uint16_t*>(from));
    if constexpr (kType == ScaleType::kFloat16) {
      return vcvt_f32_f16(vreinterpret_f16_u16(bits));
    } else {
      return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
    }
  }
}

/// Of 32 registers 24 hold sums, or 16 for one row.
constexpr int vectors_at_once(int rows) {
  return rows == 1 ? 16 : 4;
}

/// sums += weights · x for one step; both are signed.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void add_step(Ints (&sums)[kRows][kVectors],
                                            const int8_t* x,
                                            const Bytes (&weights)[kVectors]) {
  for (int r = 0; r < kRows; ++r) {
    int32_t four = 0;
    std::memcpy(&four, x + 4 * r, sizeof four);
    const auto broadcast = vreinterpretq_s8_s32(vdupq_n_s32(four));
    for (int v = 0; v < kVectors; ++v) sums[r][v] = vdotq_s32(sums[r][v], weights[v], broadcast);
  }
}

/// The dot product takes signed bytes: the offset is subtracted when they are loaded.
constexpr int32_t kByteOffset = 0;

inline Bytes load_bytes(const uint8_t* from) {
  return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(128)));
}

inline Bytes load_low(const uint8_t* from) {
  return vreinterpretq_s8_u8(vandq_u8(vld1q_u8(from), vdupq_n_u8(15)));
}

inline Bytes load_high(const uint8_t* from) {
  return vreinterpretq_s8_u8(vshrq_n_u8(vld1q_u8(from), 4));
}

/// The hardware prefetcher suffices.
template <int kRows, int kVectors>
inline void prefetch_weights(const uint8_t* /*weights*/) {}

#include "kernels/quantised_dots-inl.h"
#include "kernels/quantised_tile-inl.h"

}  // namespace glm_image::kernels::neondot

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_neondot() {
  return &neondot::kKernels;
}

}  // namespace glm_image::kernels

#else

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_neondot() {
  return nullptr;
}

}  // namespace glm_image::kernels

#endif
