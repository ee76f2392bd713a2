// The quantised product of the forms that sum in vector registers. Included once by each form's
// file, inside its namespace and its region of instructions. (No include guard.) The file defines
// before what quantised_rows-inl.h and quantised_piece-inl.h ask for, and:
//
//   kLanes        columns of a vector
//   Ints, Floats  vectors of kLanes int32 and float32
//   set_ints(i), load_floats(p), store_floats(v, p)
//   add_scaled(sum, ints, x_scale, w_scale)    fma(float(ints), x_scale·w_scale, sum)
//   load_scales<kScaleType>(p)
//   vectors_at_once(rows)        vectors of a tile of so many rows
//   Dots<kBits>::add(Ints (&sums)[rows][vectors], const Value* x, const uint8_t* weights, steps)

#include "kernels/quantised_part-inl.h"

/// One block of some columns: sums[row][column] += integers of the block · their scales. Not
/// inlined, because GCC would run out of registers in the loops.
template <int kRows, int kBits, int kWidth, ScaleType kScales>
[[gnu::noinline]] void add_block(const typename Dots<kBits>::Value* x,
                                 const uint8_t* values,
                                 int64_t steps,
                                 const RowBlock* rows,
                                 const char* scales,
                                 float* sums) {
  constexpr int kVectors = vectors_at_once(kRows);
  constexpr int64_t kScaleBytes = kScales == ScaleType::kFloat32 ? 4 : 2;
  Ints integers[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) integers[r][v] = set_ints(rows[r].start);
  }
  Dots<kBits, kWidth>::add(integers, x, values, steps);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const auto w_scale = load_scales<kScales>(scales + v * kLanes * kScaleBytes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* sum = sums + r * kPanel + v * kLanes;
      store_floats(add_scaled(load_floats(sum), integers[r][v], rows[r].scale, w_scale), sum);
    }
  }
}

/// sums[row][column] += the part.
template <int kRows, int kBits, int kWidth, ScaleType kScales>
void add_panel_part(const PanelPart<kBits, kWidth>& part, float* sums) {
  constexpr int kVectors = vectors_at_once(kRows);
  constexpr int64_t kScaleBytes = kScales == ScaleType::kFloat32 ? 4 : 2;
  const auto& weight = part.weight;
  const int64_t depth = weight.padded_depth(), block_depth = weight.block_depth();
  const int64_t first = part.first_block * block_depth;
  for (int64_t b = part.first_block; b < part.last_block; ++b) {
    const int64_t begin = b * block_depth;
    const int64_t end = b + 1 == weight.blocks() ? depth : begin + block_depth;
    const uint8_t* values = part.values + (begin - first) * kPanel * kWidth / 8;
    const char* block_scales =
        part.scales + (begin / weight.group - first / weight.group) * kPanel * kScaleBytes;
    for (int64_t vector = 0; vector < kPanelVectors; vector += kVectors) {
      add_block<kRows, kBits, kWidth, kScales>(part.x + begin * kRows,
                                               values + vector * kLanes * 4,
                                               (end - begin) / 4,
                                               part.row_blocks + b * kRows,
                                               block_scales + vector * kLanes * kScaleBytes,
                                               sums + vector * kLanes);
    }
  }
}

template <int kRows, int kBits, int kWidth>
void add_panel_part(const PanelPart<kBits, kWidth>& part, float* sums) {
  switch (part.weight.scale_type) {
    case ScaleType::kFloat32:
      return add_panel_part<kRows, kBits, kWidth, ScaleType::kFloat32>(part, sums);
    case ScaleType::kFloat16:
      return add_panel_part<kRows, kBits, kWidth, ScaleType::kFloat16>(part, sums);
    case ScaleType::kBfloat16:
      return add_panel_part<kRows, kBits, kWidth, ScaleType::kBfloat16>(part, sums);
  }
}

#include "kernels/quantised_piece-inl.h"
