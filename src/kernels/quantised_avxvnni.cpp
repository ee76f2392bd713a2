#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/quantised_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,avxvnni")
#endif

namespace glm_image::kernels::avxvnni {

#include "kernels/quantised_avx256-inl.h"

/// sum += weights · x. Written out, because GCC 12 keeps the sum of its intrinsic in two registers
/// and then runs out of them.
[[gnu::always_inline]] inline void add_dot(Ints& sum, __m256i weights, __m256i x) {
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(weights), "x"(x));
}

/// sums += weights · x for one step.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void add_step(Ints (&sums)[kRows][kVectors],
                                            const int8_t* x,
                                            const __m256i (&weights)[kVectors]) {
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const auto broadcast = broadcast_four(x + 4 * r);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) add_dot(sums[r][v], weights[v], broadcast);
  }
}

constexpr bool kWidensNibbles = false;

template <int kBits, int kWidth = kBits>
struct Dots;

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
      prefetch_weights<kRows, kVectors>(weights);
      __m256i w[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) w[v] = load_weights(weights + 32 * v);
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
    const auto low = _mm256_set1_epi8(15);
    for (int64_t pair = 0; pair < steps / 2; ++pair, x += 8 * kRows, weights += kStepBytes) {
      prefetch_weights<kRows, kVectors>(weights);
      __m256i w[kVectors];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        w[v] = _mm256_and_si256(load_weights(weights + 32 * v), low);
      }
      add_step(sums, x, w);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        w[v] = _mm256_and_si256(_mm256_srli_epi16(load_weights(weights + 32 * v), 4), low);
      }
      add_step(sums, x + 4 * kRows, w);
    }
  }
};

#include "kernels/quantised_tile-inl.h"

}  // namespace glm_image::kernels::avxvnni

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_avxvnni() {
  return &avxvnni::kKernels;
}

}  // namespace glm_image::kernels

#else

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_avxvnni() {
  return nullptr;
}

}  // namespace glm_image::kernels

#endif
