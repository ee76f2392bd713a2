// The inner loop and the packing that float32 products and attention share; the counterpart of
// bfloat16_tile-inl.h for every CPU. Compiled once per instruction set.
#if defined(GLM_IMAGE_KERNELS_FLOAT_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GLM_IMAGE_KERNELS_FLOAT_TILE_INL_H_
#undef GLM_IMAGE_KERNELS_FLOAT_TILE_INL_H_
#else
#define GLM_IMAGE_KERNELS_FLOAT_TILE_INL_H_
#endif

#include <algorithm>

#include "kernels/float_tile_rows.h"
#include "kernels/float_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

// A tile of sums in registers is kFloatTileRows × kTileVectors vectors: 24 of 32 registers, or 12
// of 16; the rest holds one step of the right operand and one value of the left.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || HWY_ARCH_ARM
inline constexpr int kTileVectors = 4;
#else
inline constexpr int kTileVectors = 2;
#endif

/// Columns of a panel, the packed form of the right operand: [depth][panel_columns()].
inline int64_t panel_columns() {
  return kTileVectors * lanes();
}

struct FloatTile {
  FloatVector sums[kFloatTileRows][kTileVectors];
};

HWY_INLINE void clear(FloatTile& tile) {
  for (int r = 0; r < kFloatTileRows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) tile.sums[r][v] = hn::Zero(FloatTag());
  }
}

/// Tiles in memory are [kFloatTileRows][panel_columns()].
HWY_INLINE void load_tile(const float* from, FloatTile& tile) {
  for (int r = 0; r < kFloatTileRows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) {
      tile.sums[r][v] = load(from + r * panel_columns() + v * lanes());
    }
  }
}

HWY_INLINE void store_tile(const FloatTile& tile, float* to, int64_t row_stride) {
  for (int r = 0; r < kFloatTileRows; ++r) {
    for (int v = 0; v < kTileVectors; ++v) {
      store(tile.sums[r][v], to + r * row_stride + v * lanes());
    }
  }
}

/// tile += A·B. Row r of A begins at a[r·a_stride].
HWY_INLINE void multiply_add(
    FloatTile& tile, const float* a, int64_t a_stride, const float* panel, int64_t depth) {
  const FloatTag d;
  FloatTile local = tile;  // a copy whose address nobody holds stays in registers
  for (int64_t k = 0; k < depth; ++k, ++a, panel += panel_columns()) {
    FloatVector b[kTileVectors];
    for (int v = 0; v < kTileVectors; ++v) b[v] = load(panel + v * lanes());
    for (int r = 0; r < kFloatTileRows; ++r) {
      const auto value = hn::Set(d, a[r * a_stride]);
      for (int v = 0; v < kTileVectors; ++v) {
        local.sums[r][v] = hn::MulAdd(value, b[v], local.sums[r][v]);
      }
    }
  }
  tile = local;
}

/// Packs the transpose of row-major values: column c of the panel is row c of `source`, `depth`
/// long. Rows from `valid_rows` on count as zero.
template <typename T>
HWY_INLINE void pack_transposed(
    const T* source, int64_t stride, int64_t valid_rows, int64_t depth, float* panel) {
  // Sixteen values of each row at a time, a cache line of float32: the lines of the panel that they
  // are scattered over are still in the first-level cache when the next row comes.
  constexpr int64_t kAtOnce = 16;
  const int64_t columns = panel_columns();
  for (int64_t k = 0; k < depth; k += kAtOnce) {
    const int64_t count = std::min(kAtOnce, depth - k);
    for (int64_t c = 0; c < columns; ++c) {
      float* to = panel + k * columns + c;
      if (c < valid_rows) {
        const T* from = source + c * stride + k;
        for (int64_t i = 0; i < count; ++i) to[i * columns] = widen(from[i]);
      } else {
        for (int64_t i = 0; i < count; ++i) to[i * columns] = 0;
      }
    }
  }
}

/// Packs row-major values as they are: row k of `source` becomes step k of the panel. Rows from
/// `valid_rows` and columns from `valid_columns` on count as zero.
template <typename T>
HWY_INLINE void pack_rows(const T* source,
                          int64_t stride,
                          int64_t valid_rows,
                          int64_t valid_columns,
                          int64_t depth,
                          float* panel) {
  for (int64_t k = 0; k < depth; ++k) {
    for (int64_t v = 0; v < kTileVectors; ++v) {
      const int64_t count = k < valid_rows ? valid_columns - v * lanes() : 0;
      const T* from = source + k * stride + v * lanes();
      const auto values = count >= lanes() ? load(from)
                          : count > 0      ? load_some(from, count)
                                           : hn::Zero(FloatTag());
      store(values, panel + k * panel_columns() + v * lanes());
    }
  }
}

/// One row of either type times `factor` as float32.
template <typename T>
HWY_INLINE void widen_row(const T* from, int64_t count, float factor, float* to) {
  const auto factors = hn::Set(FloatTag(), factor);
  for_each_vector(count, [&](const auto& load_here, const auto& store_here) HWY_ATTR {
    store_here(hn::Mul(load_here(from), factors), to);
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
