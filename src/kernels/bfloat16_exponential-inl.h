#pragma once

#include <immintrin.h>

#include "kernels/avx512_bfloat16_begin-inl.h"

namespace glm_image::kernels::bfloat16 {

/// 2^x for x ≤ 0 within 3e-6 relative, and 2^−126 (negligible) where x is below that.
[[gnu::always_inline]] inline __m512 exp2_not_positive(__m512 x) {
  const auto bounded = _mm512_max_ps(x, _mm512_set1_ps(-126.0F));
  // Adding 1.5·2^23 leaves the nearest whole number in the low bits of the mantissa. This is faster
  // here than the rounding instructions, which compete with the multiply-adds for execution ports.
  const auto shifter = _mm512_set1_ps(12582912.0F);
  const auto shifted = _mm512_add_ps(bounded, shifter);
  const auto f = _mm512_sub_ps(bounded, _mm512_sub_ps(shifted, shifter));  // in [−½, ½]
  // The polynomial of degree 4 with the least relative error there.
  auto p = _mm512_set1_ps(9.570102e-3F);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5917860e-2F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4024745e-1F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9312181e-1F));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.9999926e-1F));
  // The shift drops all but the whole number, which is added to the exponent.
  const auto exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), exponent));
}

}  // namespace glm_image::kernels::bfloat16

#include "kernels/avx512_bfloat16_end-inl.h"
