#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/avx512_bfloat16_begin-inl.h"
#include "kernels/bfloat16_dot_product.h"

/// The inner loop and the packing that bfloat16 products and attention share.
///
/// vdpbf16ps adds, in each of 16 lanes, the two products of a pair of bfloat16 to a float32. So the
/// shared dimension is taken two at a time: the left operand A is row-major as it comes, a pair
/// being 32 bits that are broadcast to all lanes; the right operand B is packed so that one vector
/// holds one pair for each of 16 columns. A panel is [pairs][kPanelColumns] of such pairs.
///
/// A tile is kTileRows × kPanelColumns sums in registers: 6 × 4 vectors. Each step of the loop is
/// 4 loads of B, 6 broadcasts of A and 24 multiply-adds, so that the two multiply-add units of
/// current cores are never short of operands, even with B in the second-level cache; 24 sums in
/// flight hide the latency; and 24 + 4 + 1 of the 32 registers are in use.
///
/// Where the CPU has tiles (AMX) 16 pairs at a time go through them: a panel as it is packed is a
/// row of four right operands. Six rows fill them only in part, which is still several times as
/// fast as pair by pair; attention of many rows takes 16, which fill them.
namespace glm_image::kernels::bfloat16 {

inline constexpr int64_t kLanes = 16;
inline constexpr int64_t kTileRows = 6;
inline constexpr int64_t kTileVectors = 4;
inline constexpr int64_t kPanelColumns = kLanes * kTileVectors;

struct Tile {
  __m512 sums[kTileRows][kTileVectors];
};

[[gnu::always_inline]] inline Tile zero_tile() {
  Tile tile;
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) tile.sums[r][v] = _mm512_setzero_ps();
  }
  return tile;
}

inline constexpr int64_t kTilePairs = 16;

/// Sets up this thread's tile registers for multiply_add and gives them back. Everything that
/// multiplies holds one; without tiles it does nothing.
class TileRegisters {
 public:
  /// `height` rows of the left operand and of the sums, at most 16.
  explicit TileRegisters(int64_t height = kTileRows) : used_(has_bfloat16_tiles()) {
    if (!used_) return;
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int i = 0; i < 7; ++i) {
      config.row_bytes[i] = 64;
      // sums 0 … 3, A 4, B 5 and 6
      config.rows[i] = static_cast<uint8_t>(i < 5 ? height : kTilePairs);
    }
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  ~TileRegisters() {
    if (used_) asm volatile("tilerelease");
  }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
  bool used() const { return used_; }

 private:
  bool used_;
};

/// Tile registers 0 … kVectors − 1 += A·B, for a multiple of kTilePairs.
template <int kVectors>
[[gnu::always_inline]] inline void multiply_registers(const uint16_t* a,
                                                      int64_t a_stride,
                                                      const uint16_t* panel,
                                                      int64_t pairs) {
  constexpr int64_t kPanelBytes = 4 * kPanelColumns;
  for (int64_t pair = 0; pair < pairs; pair += kTilePairs) {
    const uint16_t* b = panel + pair * 2 * kPanelColumns;
    _tile_loadd(4, a + 2 * pair, a_stride * 2);
    _tile_loadd(5, b, kPanelBytes);
    _tile_dpbf16ps(0, 4, 5);
    if constexpr (kVectors > 1) {
      _tile_loadd(6, b + 2 * kLanes, kPanelBytes);
      _tile_dpbf16ps(1, 4, 6);
    }
    if constexpr (kVectors > 2) {
      _tile_loadd(5, b + 4 * kLanes, kPanelBytes);
      _tile_dpbf16ps(2, 4, 5);
    }
    if constexpr (kVectors > 3) {
      _tile_loadd(6, b + 6 * kLanes, kPanelBytes);
      _tile_dpbf16ps(3, 4, 6);
    }
  }
}

/// sums = A·B through tile registers, for a multiple of kTilePairs and the columns of a panel.
inline void multiply_tiles(float* sums,
                           int64_t sums_stride,
                           const uint16_t* a,
                           int64_t a_stride,
                           const uint16_t* panel,
                           int64_t pairs) {
  // The compiler does not see what the instructions read and write.
  asm volatile("" ::: "memory");
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  multiply_registers<kTileVectors>(a, a_stride, panel, pairs);
  const auto sums_bytes = sums_stride * 4;
  _tile_stored(0, sums, sums_bytes);
  _tile_stored(1, sums + kLanes, sums_bytes);
  _tile_stored(2, sums + 2 * kLanes, sums_bytes);
  _tile_stored(3, sums + 3 * kLanes, sums_bytes);
  asm volatile("" ::: "memory");
}

/// sums += A·B through tile registers, for a multiple of kTilePairs. Row r of the sums begins at
/// sums[r·sums_stride].
template <int kVectors>
[[gnu::always_inline]] inline void multiply_add_tiles(float* sums,
                                                      int64_t sums_stride,
                                                      const uint16_t* a,
                                                      int64_t a_stride,
                                                      const uint16_t* panel,
                                                      int64_t pairs) {
  // The compiler does not see what the instructions read and write.
  asm volatile("" ::: "memory");
  const auto sums_bytes = sums_stride * 4;
  _tile_loadd(0, sums, sums_bytes);
  if constexpr (kVectors > 1) _tile_loadd(1, sums + kLanes, sums_bytes);
  if constexpr (kVectors > 2) _tile_loadd(2, sums + 2 * kLanes, sums_bytes);
  if constexpr (kVectors > 3) _tile_loadd(3, sums + 3 * kLanes, sums_bytes);
  multiply_registers<kVectors>(a, a_stride, panel, pairs);
  _tile_stored(0, sums, sums_bytes);
  if constexpr (kVectors > 1) _tile_stored(1, sums + kLanes, sums_bytes);
  if constexpr (kVectors > 2) _tile_stored(2, sums + 2 * kLanes, sums_bytes);
  if constexpr (kVectors > 3) _tile_stored(3, sums + 3 * kLanes, sums_bytes);
  asm volatile("" ::: "memory");
}

/// sums += A·B pair by pair. The sums must be a local array, so that they stay in registers.
template <int kVectors>
[[gnu::always_inline]] inline void multiply_add_pairs(__m512 (&sums)[kTileRows][kVectors],
                                                      const uint16_t* a,
                                                      int64_t a_stride,
                                                      const uint16_t* panel,
                                                      int64_t pairs) {
  for (int64_t pair = 0; pair < pairs; ++pair, a += 2, panel += 2 * kPanelColumns) {
    __m512i b[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) b[v] = _mm512_load_si512(panel + v * 2 * kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      int32_t both;
      std::memcpy(&both, a + r * a_stride, sizeof(both));
      const auto broadcast = reinterpret_cast<__m512bh>(_mm512_set1_epi32(both));
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = _mm512_dpbf16_ps(sums[r][v], broadcast, reinterpret_cast<__m512bh>(b[v]));
      }
    }
  }
}

/// tile += A·B for `pairs` pairs. Row r of A begins at a[r·a_stride] (in values).
[[gnu::always_inline]] inline void multiply_add(const TileRegisters& registers,
                                                Tile& tile,
                                                const uint16_t* a,
                                                int64_t a_stride,
                                                const uint16_t* panel,
                                                int64_t pairs) {
  if (registers.used() && pairs >= kTilePairs) {
    const int64_t in_tiles = pairs / kTilePairs * kTilePairs;
    multiply_add_tiles<kTileVectors>(
        reinterpret_cast<float*>(tile.sums), kPanelColumns, a, a_stride, panel, in_tiles);
    a += 2 * in_tiles;
    panel += 2 * in_tiles * kPanelColumns;
    pairs -= in_tiles;
    if (pairs == 0) return;
  }
  Tile local = tile;  // a copy whose address nobody holds
  multiply_add_pairs(local.sums, a, a_stride, panel, pairs);
  tile = local;
}

/// Transposes 16×16 32-bit elements in place.
[[gnu::always_inline]] inline void transpose(__m512i (&rows)[kLanes]) {
  __m512i mixed[kLanes];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    mixed[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    mixed[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(mixed[i], mixed[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(mixed[i], mixed[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(mixed[i + 1], mixed[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(mixed[i + 1], mixed[i + 3]);
  }
  // Now rows[4·g + c] holds, in its four 128-bit quarters, column 4·quarter + c of rows 4·g … +3.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const auto low01 = _mm512_shuffle_i32x4(rows[c], rows[4 + c], 0x88);
    const auto low23 = _mm512_shuffle_i32x4(rows[8 + c], rows[12 + c], 0x88);
    const auto high01 = _mm512_shuffle_i32x4(rows[c], rows[4 + c], 0xdd);
    const auto high23 = _mm512_shuffle_i32x4(rows[8 + c], rows[12 + c], 0xdd);
    mixed[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    mixed[4 + c] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    mixed[8 + c] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    mixed[12 + c] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) rows[i] = mixed[i];
}

/// Packs the transpose of row-major values: column c of the panel is row c of `source`, whose rows
/// are `stride` values apart and 2·pairs long. Rows from `valid_rows` on count as zero.
inline void pack_transposed(
    const uint16_t* source, int64_t stride, int64_t valid_rows, int64_t pairs, uint16_t* panel) {
  for (int64_t vector = 0; vector < kTileVectors; ++vector) {
    const uint16_t* first = source + vector * kLanes * stride;
    const int64_t rows_here = valid_rows - vector * kLanes;
    for (int64_t pair = 0; pair < pairs; pair += kLanes) {
      const int64_t pairs_here = pairs - pair < kLanes ? pairs - pair : kLanes;
      const auto mask = static_cast<__mmask16>((1U << pairs_here) - 1U);
      __m512i block[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) {
        block[r] = r < rows_here ? _mm512_maskz_loadu_epi32(mask, first + r * stride + 2 * pair)
                                 : _mm512_setzero_si512();
      }
      transpose(block);
      uint16_t* out = panel + (pair * kTileVectors + vector) * 2 * kLanes;
      if (pairs_here == kLanes) {
#pragma GCC unroll 16
        for (int p = 0; p < kLanes; ++p) _mm512_store_si512(out + p * 2 * kPanelColumns, block[p]);
      } else {
        for (int p = 0; p < pairs_here; ++p) {
          _mm512_store_si512(out + p * 2 * kPanelColumns, block[p]);
        }
      }
    }
  }
}

/// Packs row-major values as they are: rows 2p and 2p + 1 of `source` become pair p of the panel.
/// Rows from `valid_rows` and columns from `valid_columns` on count as zero.
inline void pack_rows(const uint16_t* source,
                      int64_t stride,
                      int64_t valid_rows,
                      int64_t valid_columns,
                      int64_t pairs,
                      uint16_t* panel) {
  // Lane i of a vector takes value i of the first row and value i of the second (index 32 + i).
  alignas(64) uint16_t lanes[2 * kLanes];
  for (int i = 0; i < kLanes; ++i) {
    lanes[2 * i] = static_cast<uint16_t>(i);
    lanes[2 * i + 1] = static_cast<uint16_t>(32 + i);
  }
  const auto interleave = _mm512_load_si512(lanes);
  for (int64_t pair = 0; pair < pairs; ++pair) {
    const uint16_t* row = source + 2 * pair * stride;
    for (int64_t vector = 0; vector < kTileVectors; ++vector) {
      const int64_t columns = valid_columns - vector * kLanes;
      const auto mask = columns >= kLanes ? __mmask16{0xffff}
                        : columns <= 0    ? __mmask16{0}
                                          : static_cast<__mmask16>((1U << columns) - 1U);
      const auto load = [&](int64_t r) {
        if (2 * pair + r >= valid_rows) return _mm512_setzero_si512();
        return _mm512_castsi256_si512(
            _mm256_maskz_loadu_epi16(mask, row + r * stride + vector * kLanes));
      };
      const auto both = _mm512_permutex2var_epi16(load(0), interleave, load(1));
      _mm512_store_si512(panel + (pair * kTileVectors + vector) * 2 * kLanes, both);
    }
  }
}

}  // namespace glm_image::kernels::bfloat16

#include "kernels/avx512_bfloat16_end-inl.h"
