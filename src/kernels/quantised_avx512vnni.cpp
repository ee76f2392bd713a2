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
constexpr bool kPadsRows = false, kReadsNibbles = true;

#include "kernels/quantised_avx512-inl.h"

using Bytes = __m512i;

constexpr int32_t kByteOffset = 128;

inline Bytes load_bytes(const uint8_t* from) {
  return _mm512_load_si512(from);
}

inline Bytes load_low(const uint8_t* from) {
  return _mm512_and_si512(_mm512_load_si512(from), _mm512_set1_epi8(15));
}

inline Bytes load_high(const uint8_t* from) {
  return _mm512_and_si512(_mm512_srli_epi16(_mm512_load_si512(from), 4), _mm512_set1_epi8(15));
}

template <int kRows, int kVectors>
[[gnu::always_inline]] inline void prefetch_weights(const uint8_t* weights) {
  if (kRows > 2) return;
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) _mm_prefetch(weights + kAhead + 64 * v, _MM_HINT_T0);
}

// Each step of the loop is 4 loads of weights and, for each row, one value broadcast from memory
// as an operand of 4 dot products: 24 sums, 4 weights and a few spare of the 32 registers.
#include "kernels/quantised_dots-inl.h"
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
