#pragma once

#include <algorithm>

#include "kernels/attention_problem.h"
#include "kernels/avx512_bfloat16_begin-inl.h"
#include "kernels/bfloat16_tile-inl.h"

/// Packs the keys and values of one head for the products of attention's gradient.
namespace glm_image::kernels::bfloat16 {

/// Where a token of a head begins.
inline const uint16_t* rows_of(const void* tensor,
                               const AttentionProblem::Strides& strides,
                               int64_t batch,
                               int64_t token,
                               int64_t head) {
  return static_cast<const uint16_t*>(tensor) + batch * strides.batch + token * strides.token +
         head * strides.head;
}

/// Copies the keys or values of a head to dense rows, padded with zeros.
inline void copy_head(const uint16_t* from,
                      int64_t stride,
                      int64_t rows,
                      int64_t padded_rows,
                      int64_t dim,
                      uint16_t* to) {
  for (int64_t row = 0; row < rows; ++row) {
    std::copy_n(from + row * stride, dim, to + row * dim);
  }
  std::fill(to + rows * dim, to + padded_rows * dim, uint16_t{0});
}

/// keys [padded keys, dim] → [dim, pitch], by squares of 16.
inline void transpose_keys(
    const uint16_t* keys, int64_t padded_keys, int64_t dim, int64_t pitch, uint16_t* out) {
  for (int64_t column = 0; column < dim; column += kLanes) {
    const auto mask = static_cast<__mmask16>((1U << std::min(kLanes, dim - column)) - 1U);
    for (int64_t key = 0; key < padded_keys; key += kLanes) {
      __m512i block[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) {
        block[r] = key + r < padded_keys ? _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(
                                               mask, keys + (key + r) * dim + column))
                                         : _mm512_setzero_si512();
      }
      transpose(block);
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (column + r) * pitch + key),
                            _mm512_cvtepi32_epi16(block[r]));
      }
    }
  }
}

}  // namespace glm_image::kernels::bfloat16

#include "kernels/avx512_bfloat16_end-inl.h"
