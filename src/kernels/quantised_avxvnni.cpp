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

using Bytes = __m256i;

constexpr int32_t kByteOffset = 128;

inline Bytes load_bytes(const uint8_t* from) {
  return load_weights(from);
}

inline Bytes load_low(const uint8_t* from) {
  return _mm256_and_si256(load_weights(from), _mm256_set1_epi8(15));
}

inline Bytes load_high(const uint8_t* from) {
  return _mm256_and_si256(_mm256_srli_epi16(load_weights(from), 4), _mm256_set1_epi8(15));
}

#include "kernels/quantised_dots-inl.h"
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
