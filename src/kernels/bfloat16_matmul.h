#pragma once

#include <cstdint>

#include "kernels/bfloat16_dot_product.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// out = x·wᵀ + bias in bfloat16, summed in float32 and rounded once. Strides in values; the
/// innermost dimension is dense. `depth` is even (bfloat16 are multiplied in pairs).
struct Bfloat16Matmul {
  const uint16_t* x = nullptr;  ///< [rows, depth]
  int64_t x_stride = 0;
  const uint16_t* weight = nullptr;  ///< [columns, depth]
  int64_t weight_stride = 0;
  const uint16_t* bias = nullptr;  ///< [columns] or null
  uint16_t* out = nullptr;         ///< [rows, columns]
  int64_t out_stride = 0;
  int64_t rows = 0, columns = 0, depth = 0;
  int64_t threads = 1;  ///< that share the pieces
};

/// Into how many independent pieces the product is cut. A piece packs its part of the weight once
/// and reuses it for all its rows, so a piece is large: up to two thousand rows by 256 columns.
int64_t bfloat16_matmul_pieces(const Bfloat16Matmul& problem);

/// Working memory that one thread uses for one piece after the other (allocated for every piece it
/// would cost a page fault per 4 KiB each time).
struct Bfloat16MatmulWorkspace {
  explicit Bfloat16MatmulWorkspace(const Bfloat16Matmul& problem);
  Scratch<uint16_t> packed;     ///< a part of the weight, packed
  Scratch<uint16_t> last_rows;  ///< the last rows of x, filled up to a whole tile
  Scratch<float> waiting;       ///< sums over the parts of the depth so far
};

/// Computes one piece, 0 ≤ piece < bfloat16_matmul_pieces. Needs has_bfloat16_dot_product().
void bfloat16_matmul_piece(const Bfloat16Matmul& problem,
                           int64_t piece,
                           Bfloat16MatmulWorkspace& workspace);

}  // namespace glm_image::kernels
