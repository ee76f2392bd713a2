#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/quantised_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

namespace glm_image::kernels::avx2 {

#include "kernels/quantised_avx256-inl.h"

/// Keeps a sum in its register: GCC 12 otherwise runs out of them.
[[gnu::always_inline]] inline void keep(__m256i& sum) {
  asm("" : "+x"(sum));
}

constexpr bool kWidensNibbles = true;

template <int kBits, int kWidth = kBits>
struct Dots;

/// Pairs of bytes summed to 16 bits would saturate. So the even and the odd bytes of the weights
/// are widened, two cheap operations for all rows, and the activations are 16 bits wide in memory,
/// in the order 0, 2, 1, 3.
template <>
struct Dots<8> {
  using Value = int16_t;
  static constexpr int32_t kOffset = 128;
  static void arrange(const int8_t* step, int16_t* to) {
    to[0] = step[0];
    to[1] = step[2];
    to[2] = step[1];
    to[3] = step[3];
  }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add(Ints (&sums)[kRows][kVectors],
                                                const int16_t* x,
                                                const uint8_t* weights,
                                                int64_t steps) {
    const auto even_bytes = _mm256_set1_epi16(255);
    for (int64_t step = 0; step < steps; ++step, x += 4 * kRows, weights += kStepBytes) {
      prefetch_weights<kRows, kVectors>(weights);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        const auto w = load_weights(weights + 32 * v);
        const auto even = _mm256_and_si256(w, even_bytes), odd = _mm256_srli_epi16(w, 8);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          const auto* values = reinterpret_cast<const int8_t*>(x + 4 * r);
          const auto products = _mm256_madd_epi16(even, broadcast_four(values));
          sums[r][v] = _mm256_add_epi32(_mm256_add_epi32(sums[r][v], products),
                                        _mm256_madd_epi16(odd, broadcast_four(values + 4)));
          keep(sums[r][v]);
        }
      }
    }
  }
};

/// Pairs of 4-bit weights fit: 2 · 15 · 127 are at most 3810, and eight such sums fit 16 bits.
template <>
struct Dots<4> {
  using Value = int8_t;
  static constexpr int32_t kOffset = 8;
  static void arrange(const int8_t* step, int8_t* to) { std::memcpy(to, step, 4); }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add_step(__m256i (&sums)[kRows][kVectors],
                                                     const int8_t* x,
                                                     const __m256i (&weights)[kVectors]) {
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const auto broadcast = broadcast_four(x + 4 * r);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = _mm256_add_epi16(sums[r][v], _mm256_maddubs_epi16(weights[v], broadcast));
        keep(sums[r][v]);
      }
    }
  }

  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add(Ints (&sums)[kRows][kVectors],
                                                const int8_t* x,
                                                const uint8_t* weights,
                                                int64_t steps) {
    constexpr int64_t kPairsThatFit = 4;
    const auto low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    for (int64_t pair = 0; pair < steps / 2;) {
      const int64_t end = std::min(pair + kPairsThatFit, steps / 2);
      __m256i narrow_sums[kRows][kVectors];
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) narrow_sums[r][v] = _mm256_setzero_si256();
      }
#pragma GCC unroll 1
      for (; pair < end; ++pair, x += 8 * kRows, weights += kStepBytes) {
        prefetch_weights<kRows, kVectors>(weights);
        __m256i w[kVectors];
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) {
          w[v] = _mm256_and_si256(load_weights(weights + 32 * v), low);
        }
        add_step(narrow_sums, x, w);
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) {
          w[v] = _mm256_and_si256(_mm256_srli_epi16(load_weights(weights + 32 * v), 4), low);
        }
        add_step(narrow_sums, x + 4 * kRows, w);
      }
#pragma GCC unroll 6
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
        for (int v = 0; v < kVectors; ++v) {
          sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(narrow_sums[r][v], ones));
        }
      }
    }
  }
};

#include "kernels/quantised_avx2_nibbles-inl.h"

/// With a byte for each weight, only multiplications and additions remain, and the first of eight
/// steps needs no addition.
template <>
struct Dots<4, 8> {
  template <int kRows, int kVectors>
  [[gnu::always_inline]] static inline void add(Ints (&sums)[kRows][kVectors],
                                                const int8_t* x,
                                                const uint8_t* weights,
                                                int64_t steps) {
    if constexpr (kRows == kTileRows) {
      constexpr int64_t kStepsThatFit = 8;
      for (; steps > 0; steps -= kStepsThatFit) {
        add_steps_that_fit(sums, x, weights, std::min(kStepsThatFit, steps));
      }
    } else {  // the last rows of many
      const auto ones = _mm256_set1_epi16(1);
      for (int64_t step = 0; step < steps; ++step, x += 4 * kRows, weights += kStepBytes) {
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          const auto broadcast = broadcast_four(x + 4 * r);
#pragma GCC unroll 8
          for (int v = 0; v < kVectors; ++v) {
            const auto pairs = _mm256_maddubs_epi16(load_weights(weights + 32 * v), broadcast);
            sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(pairs, ones));
          }
        }
      }
    }
  }
};

#include "kernels/quantised_tile-inl.h"

}  // namespace glm_image::kernels::avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_avx2() {
  return &avx2::kKernels;
}

}  // namespace glm_image::kernels

#else

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_avx2() {
  return nullptr;
}

}  // namespace glm_image::kernels

#endif
