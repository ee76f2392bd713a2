#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/quantised_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels/avx512_vnni_begin-inl.h"

/// Products of many rows by tiles (AMX). A tile is 16 rows of 64 bytes: 64 activations of 16 rows,
/// or, as a panel is packed, 64 weights of 16 columns. tdpbsud adds their products to a tile of
/// 16 x 16 integers.
namespace glm_image::kernels::amx {

constexpr int64_t kLanes = 16;
constexpr int64_t kTileSide = 16;
constexpr int64_t kTileRows = 2 * kTileSide;
constexpr int64_t kTileColumns = 2 * kTileSide;
constexpr int64_t kUnit = 64;
constexpr bool kPadsRows = true, kWidensNibbles = true, kReadsNibbles = false;

#include "kernels/quantised_avx512-inl.h"

template <int kBits>
struct Dots {
  using Value = int8_t;
  static constexpr int32_t kOffset = kBits == 8 ? 128 : 8;
  static void arrange(const int8_t* unit, int8_t* to) { std::memcpy(to, unit, kUnit); }
};

#include "kernels/quantised_part-inl.h"

/// The tile registers of this thread: sums 0 … 3, activations 4 and 5, weights 6 and 7.
class TileRegisters {
 public:
  TileRegisters() {
    struct alignas(64) {
      uint8_t palette = 1, start_row = 0, reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    for (int i = 0; i < 8; ++i) {
      config.row_bytes[i] = 64;
      config.rows[i] = kTileSide;
    }
    asm volatile("ldtilecfg %0" ::"m"(config));
  }
  ~TileRegisters() { asm volatile("tilerelease"); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

/// Integer sums of a block for two tiles of rows and two of columns.
struct alignas(64) BlockSums {
  int32_t of[kTileRows][kTileColumns];
};

inline void add_products(const int8_t* x, const uint8_t* weights, int64_t units, BlockSums& sums) {
  // The compiler does not see what the instructions read and write.
  asm volatile("" ::: "memory");
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t unit = 0; unit < units; ++unit) {
    _tile_loadd(4, x, kUnit);
    _tile_loadd(6, weights, kStepBytes);
    _tile_loadd(5, x + kTileSide * kUnit, kUnit);
    _tile_loadd(7, weights + 4 * kTileSide, kStepBytes);
    _tile_dpbsud(0, 4, 6);
    _tile_dpbsud(1, 4, 7);
    _tile_dpbsud(2, 5, 6);
    _tile_dpbsud(3, 5, 7);
    x += kTileRows * kUnit;
    weights += kUnit / PackedIntegers::kStepDepth * kStepBytes;
  }
  constexpr int64_t kRowBytes = sizeof sums.of[0];
  _tile_stored(0, sums.of[0], kRowBytes);
  _tile_stored(1, sums.of[0] + kTileSide, kRowBytes);
  _tile_stored(2, sums.of[kTileSide], kRowBytes);
  _tile_stored(3, sums.of[kTileSide] + kTileSide, kRowBytes);
  asm volatile("" ::: "memory");
}

/// to[row][column] += (integers + the row's start) · scale of the row · scale of the column.
template <ScaleType kScales>
inline void add_block_sums(const BlockSums& sums,
                           const RowBlock* rows,
                           const char* scales,
                           float* to) {
  constexpr int64_t kScaleBytes = kScales == ScaleType::kFloat32 ? 4 : 2;
  const auto w_scale_0 = load_scales<kScales>(scales),
             w_scale_1 = load_scales<kScales>(scales + kLanes * kScaleBytes);
#pragma GCC unroll 4
  for (int64_t r = 0; r < kTileRows; ++r, to += kPanel) {
    const auto start = set_ints(rows[r].start);
    const auto add = [&](int64_t column, Floats w_scale) {
      const auto integers = _mm512_add_epi32(_mm512_load_si512(sums.of[r] + column), start);
      store_floats(add_scaled(load_floats(to + column), integers, rows[r].scale, w_scale),
                   to + column);
    };
    add(0, w_scale_0);
    add(kLanes, w_scale_1);
  }
}

/// One block of half a panel.
struct HalfBlock {
  const RowBlock* rows;
  const char* scales;
  float* to;
};

/// While the tiles of a half multiply, the sums of the half before are scaled.
template <int kRows, int kBits, int kWidth, ScaleType kScales>
void add_scaled_part(const PanelPart<kBits, kWidth>& part, float* sums) {
  static_assert(kRows == kTileRows && kWidth == 8);
  constexpr int64_t kScaleBytes = kScales == ScaleType::kFloat32 ? 4 : 2;
  const auto& weight = part.weight;
  const int64_t block_depth = weight.block_depth(), first = part.first_block * block_depth;
  BlockSums integers[2];
  HalfBlock before{nullptr, nullptr, nullptr};
  int64_t turn = 0;
  for (int64_t b = part.first_block; b < part.last_block; ++b) {
    const int64_t begin = b * block_depth, end = std::min(begin + block_depth, weight.depth);
    const uint8_t* values = part.values + (begin - first) * kPanel;
    const char* scales =
        part.scales + (begin / weight.group - first / weight.group) * kPanel * kScaleBytes;
    for (int64_t column = 0; column < kPanel; column += kTileColumns, turn ^= 1) {
      add_products(
          part.x + begin * kRows, values + column * 4, (end - begin) / kUnit, integers[turn]);
      if (before.to != nullptr) {
        add_block_sums<kScales>(integers[turn ^ 1], before.rows, before.scales, before.to);
      }
      before = {part.row_blocks + b * kRows, scales + column * kScaleBytes, sums + column};
    }
  }
  if (before.to != nullptr) {
    add_block_sums<kScales>(integers[turn ^ 1], before.rows, before.scales, before.to);
  }
}

template <int kRows, int kBits, int kWidth>
void add_panel_part(const PanelPart<kBits, kWidth>& part, float* sums) {
  switch (part.weight.scale_type) {
    case ScaleType::kFloat32:
      return add_scaled_part<kRows, kBits, kWidth, ScaleType::kFloat32>(part, sums);
    case ScaleType::kFloat16:
      return add_scaled_part<kRows, kBits, kWidth, ScaleType::kFloat16>(part, sums);
    case ScaleType::kBfloat16:
      return add_scaled_part<kRows, kBits, kWidth, ScaleType::kBfloat16>(part, sums);
  }
}

#include "kernels/quantised_piece-inl.h"

void multiply_by_tiles(const QuantisedMatmul& problem,
                       const QuantisedRows& rows,
                       int64_t piece,
                       QuantisedWorkspace& workspace) {
  const TileRegisters registers;
  multiply(problem, rows, piece, workspace);
}

constexpr QuantisedKernels kTileKernels = {
    kTileRows, 1, 1, kWidensNibbles, quantise, multiply_by_tiles};

}  // namespace glm_image::kernels::amx

#include "kernels/avx512_vnni_end-inl.h"

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_amx() {
  return &amx::kTileKernels;
}

bool fits_amx(const QuantisedMatmul& problem) {
  return problem.weight.depth % amx::kUnit == 0 && problem.weight.block_depth() % amx::kUnit == 0;
}

}  // namespace glm_image::kernels

#else

namespace glm_image::kernels {

const QuantisedKernels* quantised_kernels_amx() {
  return nullptr;
}

bool fits_amx(const QuantisedMatmul&) {
  return false;
}

}  // namespace glm_image::kernels

#endif
