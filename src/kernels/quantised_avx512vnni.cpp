#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/quantised_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/avx512_vnni_begin-inl.h"

namespace glm_image::kernels::avx512vnni {

constexpr int64_t kLanes = 16;
constexpr int64_t kTileRows = 6;
constexpr int64_t kUnit = PackedIntegers::kStepDepth;
constexpr bool kPadsRows = false;

#include "kernels/quantised_avx512-inl.h"

constexpr bool kWidensNibbles = false;

template <int kBits, int kWidth = kBits>
struct Dots;

/// Each step of the loop is 4 loads of weights and, for each row, one value broadcast from memory
/// as an operand of 4 dot products: 24 sums, 4 weights and a few spare of the 32 registers.
template <>
struct Dots<8> {
  using Value = int8_t;
  static constexpr int32_t kOffset = 128;
  static void arrange(const int8_t* step, int8_t* to) { std::memcpy(to, step, 4); }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add(Ints (&sums)[kRows][kVectors],
                                                const int8_t* x,
                                                const uint8_t* weights,
                                                int64_t steps) {
    for (int64_t step = 0; step < steps; ++step, x += 4 * kRows, weights += kStepBytes) {
      __m512i w[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        if (kRows <= 2) _mm_prefetch(weights + kAhead + 64 * v, _MM_HINT_T0);
        w[v] = _mm512_load_si512(weights + 64 * v);
      }
      add_step(sums, x, w);
    }
  }
};

/// The two halves of a byte are two steps.
template <>
struct Dots<4> {
  using Value = int8_t;
  static constexpr int32_t kOffset = 8;
  static void arrange(const int8_t* step, int8_t* to) { std::memcpy(to, step, 4); }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add(Ints (&sums)[kRows][kVectors],
                                                const int8_t* x,
                                                const uint8_t* weights,
                                                int64_t steps) {
    const auto low = _mm512_set1_epi8(15);
    for (int64_t pair = 0; pair < steps / 2; ++pair, x += 8 * kRows, weights += kStepBytes) {
      __m512i w[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        if (kRows <= 2) _mm_prefetch(weights + kAhead + 64 * v, _MM_HINT_T0);
        w[v] = _mm512_and_si512(_mm512_load_si512(weights + 64 * v), low);
      }
      add_step(sums, x, w);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        w[v] = _mm512_and_si512(_mm512_srli_epi16(_mm512_load_si512(weights + 64 * v), 4), low);
      }
      add_step(sums, x + 4 * kRows, w);
    }
  }
};

#include "kernels/quantised_tile-inl.h"

}  // namespace glm_image::kernels::avx512vnni

#include "kernels/avx512_vnni_end-inl.h"

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_avx512vnni() {
  return &avx512vnni::kKernels;
}

}  // namespace glm_image::kernels

#else

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_avx512vnni() {
  return nullptr;
}

}  // namespace glm_image::kernels

#endif
