#pragma once

#include "kernels/element.h"

namespace glm_image::kernels {

/// out = x·wᵀ + bias for few rows of x. Reads every weight once, in order: memory bandwidth limits
/// the speed. Strides in values; the innermost dimension is dense.
struct MatrixVector {
  const void* x = nullptr;  ///< [rows, depth]
  int64_t x_stride = 0;
  const void* weight = nullptr;  ///< [columns, depth]
  int64_t weight_stride = 0;
  const void* bias = nullptr;  ///< [columns] or null
  void* out = nullptr;         ///< [rows, columns]
  int64_t out_stride = 0;
  int64_t rows = 0;  ///< ≤ kMaxMatrixVectorRows
  int64_t depth = 0;
};
inline constexpr int64_t kMaxMatrixVectorRows = 4;

/// Columns first … last − 1 of the product.
void matrix_vector(Element element, const MatrixVector& problem, int64_t first, int64_t last);

}  // namespace glm_image::kernels
