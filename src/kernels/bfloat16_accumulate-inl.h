#pragma once

#include <algorithm>

#include "core/round_up.h"
#include "kernels/avx512_bfloat16_begin-inl.h"
#include "kernels/bfloat16_tile-inl.h"

/// Products whose sums lie in memory and accumulate over the blocks of queries.
namespace glm_image::kernels::bfloat16 {

/// sums += A·B, `kVectors` vectors of columns wide. Row r of A begins at a[r·a_stride], row r of
/// the sums at sums[r·sums_stride].
template <int kVectors>
inline void accumulate(const TileRegisters& registers,
                       const uint16_t* a,
                       int64_t a_stride,
                       const uint16_t* panel,
                       int64_t pairs,
                       float* sums,
                       int64_t sums_stride) {
  if (registers.used() && pairs % kTilePairs == 0) {
    multiply_add_tiles<kVectors>(sums, sums_stride, a, a_stride, panel, pairs);
    return;
  }
  __m512 local[kTileRows][kVectors];
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      local[r][v] = _mm512_load_ps(sums + r * sums_stride + v * kLanes);
    }
  }
  multiply_add_pairs(local, a, a_stride, panel, pairs);
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      _mm512_store_ps(sums + r * sums_stride + v * kLanes, local[r][v]);
    }
  }
}

/// sums += A·B, of any number of columns. A is dense: [rows, kPanelColumns]; B's panels of
/// kPanelColumns columns follow one another; a row of the sums is `sums_stride` long. The rows are
/// a multiple of kTileRows.
inline void accumulate_rows(const TileRegisters& registers,
                            const uint16_t* a,
                            const uint16_t* panels,
                            int64_t rows,
                            int64_t columns,
                            float* sums,
                            int64_t sums_stride) {
  for (int64_t column = 0; column < columns; column += kPanelColumns) {
    const uint16_t* panel = panels + column * kPanelColumns;
    const int64_t vectors = divide_up(std::min(kPanelColumns, columns - column), kLanes);
    const auto run = [&](auto product) {
      for (int64_t row = 0; row < rows; row += kTileRows) {
        product(registers,
                a + row * kPanelColumns,
                kPanelColumns,
                panel,
                kPanelColumns / 2,
                sums + row * sums_stride + column,
                sums_stride);
      }
    };
    switch (vectors) {
      case 1:
        run(accumulate<1>);
        break;
      case 2:
        run(accumulate<2>);
        break;
      case 3:
        run(accumulate<3>);
        break;
      default:
        run(accumulate<4>);
    }
  }
}

}  // namespace glm_image::kernels::bfloat16

#include "kernels/avx512_bfloat16_end-inl.h"
