#include "kernels/bfloat16_matmul.h"

#include <algorithm>

#if defined(__x86_64__)

#include "core/round_up.h"
#include "kernels/bfloat16_tile-inl.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {
namespace {

using namespace bfloat16;

// A piece holds 256 columns × 1024 packed weights (512 KiB) in the second-level cache while all its
// rows pass by; a group of rows (12 KiB) stays in the first-level cache while the panels pass by.
// The waiting sums of 2112 rows are two mebibytes.
constexpr MatmulCut::Blocks kBlocks = {kTileRows, 4 * kPanelColumns, /*groups=*/352, 1024};
constexpr int64_t kTileSize = kTileRows * kPanelColumns;

/// Pads a group that has fewer rows with zero rows.
void copy_rows(const uint16_t* source,
               int64_t source_stride,
               int64_t rows,
               int64_t depth,
               uint16_t* destination,
               int64_t destination_stride) {
  for (int64_t r = 0; r < kTileRows; ++r) {
    uint16_t* row = destination + r * destination_stride;
    if (r < rows) {
      std::copy_n(source + r * source_stride, depth, row);
    } else {
      std::fill_n(row, depth, uint16_t{0});
    }
  }
}

}  // namespace

int64_t bfloat16_matmul_pieces(const MatmulProblem& problem) {
  return MatmulCut(problem, kBlocks).pieces();
}

Bfloat16MatmulWorkspace::Bfloat16MatmulWorkspace(const MatmulProblem& problem)
    : Bfloat16MatmulWorkspace(MatmulCut(problem, kBlocks)) {}

Bfloat16MatmulWorkspace::Bfloat16MatmulWorkspace(const MatmulCut& cut)
    : packed(kBlocks.columns * cut.part_depth),
      last_rows(kTileRows * cut.part_depth),
      waiting(cut.parts == 1 ? 0 : cut.piece_groups * kTileRows * kBlocks.columns) {}

}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_begin-inl.h"

namespace glm_image::kernels {
namespace {

/// Prefetches `depth` values of each row of the next group. Rows are pages apart, and the hardware
/// prefetcher restarts at every page.
void prefetch_rows(const uint16_t* rows, int64_t stride, int64_t depth) {
  constexpr int64_t kCacheLine = 32;  // values
  for (int64_t r = 0; r < kTileRows; ++r) {
    for (int64_t i = 0; i < depth; i += kCacheLine) {
      _mm_prefetch(rows + r * stride + i, _MM_HINT_T0);
    }
  }
}

void load_tile(const float* sums, Tile& tile) {
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) {
      tile.sums[r][v] = _mm512_load_ps(sums + (r * kTileVectors + v) * kLanes);
    }
  }
}

void store_tile(const Tile& tile, float* sums) {
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) {
      _mm512_store_ps(sums + (r * kTileVectors + v) * kLanes, tile.sums[r][v]);
    }
  }
}

/// Adds the bias and rounds to bfloat16 what lies inside the output.
void write_tile(const Tile& tile, const MatmulProblem& problem, int64_t row, int64_t column) {
  const int64_t rows = std::min(kTileRows, problem.rows - row);
#pragma GCC unroll 4
  for (int v = 0; v < kTileVectors; ++v) {
    const int64_t first = column + v * kLanes;
    const int64_t count = std::min(kLanes, problem.columns - first);
    if (count <= 0) return;
    const auto mask = static_cast<__mmask16>((1U << count) - 1U);
    auto bias = _mm512_setzero_ps();
    if (problem.bias != nullptr) {
      const auto bits =
          _mm256_maskz_loadu_epi16(mask, static_cast<const uint16_t*>(problem.bias) + first);
      bias = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      if (r < rows) {
        const auto rounded = _mm512_cvtneps_pbh(_mm512_add_ps(tile.sums[r][v], bias));
        _mm256_mask_storeu_epi16(
            static_cast<uint16_t*>(problem.out) + (row + r) * problem.out_stride + first,
            mask,
            reinterpret_cast<__m256i>(rounded));
      }
    }
  }
}

}  // namespace

void bfloat16_matmul_piece(const MatmulProblem& problem,
                           int64_t piece,
                           Bfloat16MatmulWorkspace& workspace) {
  const TileRegisters registers;
  const MatmulCut cut(problem, kBlocks);
  const auto [first_group, last_group, first_column, columns] = cut.piece(piece);
  const int64_t panels = divide_up(columns, kPanelColumns);
  const int64_t panel_size = cut.part_depth * kPanelColumns;
  const auto* all_x = static_cast<const uint16_t*>(problem.x);
  const auto* weight = static_cast<const uint16_t*>(problem.weight);

  for (int64_t part = 0; part < cut.parts; ++part) {
    const int64_t begin = part * cut.part_depth;
    const int64_t depth = std::min(cut.part_depth, problem.depth - begin);
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t column = first_column + panel * kPanelColumns;
      pack_transposed(weight + column * problem.weight_stride + begin,
                      problem.weight_stride,
                      std::min(kPanelColumns, problem.columns - column),
                      depth / 2,
                      workspace.packed.data() + panel * panel_size);
    }
    float* sums = workspace.waiting.data();
    for (int64_t group = first_group; group < last_group; ++group) {
      const int64_t row = group * kTileRows;
      const uint16_t* x = all_x + row * problem.x_stride + begin;
      const uint16_t* next_x = x + kTileRows * problem.x_stride;
      int64_t x_stride = problem.x_stride;
      if (row + kTileRows > problem.rows) {
        uint16_t* last_rows = workspace.last_rows.data();
        copy_rows(x, x_stride, problem.rows - row, depth, last_rows, cut.part_depth);
        x = last_rows;
        x_stride = cut.part_depth;
      }
      const bool next_is_whole = row + 2 * kTileRows <= problem.rows;
      for (int64_t panel = 0; panel < panels; ++panel, sums += kTileSize) {
        if (next_is_whole) {
          prefetch_rows(next_x + depth * panel / panels, problem.x_stride, depth / panels);
        }
        Tile tile;
        if (part == 0) {
          tile = zero_tile();
        } else {
          load_tile(sums, tile);
        }
        multiply_add(
            registers, tile, x, x_stride, workspace.packed.data() + panel * panel_size, depth / 2);
        if (part + 1 < cut.parts) {
          store_tile(tile, sums);
        } else {
          write_tile(tile, problem, row, first_column + panel * kPanelColumns);
        }
      }
    }
  }
}

}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_end-inl.h"

#else  // another kind of CPU: has_bfloat16_dot_product() is false and nothing here is called

namespace glm_image::kernels {

int64_t bfloat16_matmul_pieces(const MatmulProblem&) {
  return 0;
}

Bfloat16MatmulWorkspace::Bfloat16MatmulWorkspace(const MatmulProblem&)
    : packed(0), last_rows(0), waiting(0) {}

void bfloat16_matmul_piece(const MatmulProblem&, int64_t, Bfloat16MatmulWorkspace&) {}

}  // namespace glm_image::kernels

#endif
