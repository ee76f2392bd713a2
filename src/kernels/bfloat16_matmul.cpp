#include "kernels/bfloat16_matmul.h"

#include <algorithm>

#if defined(__x86_64__)

#include "kernels/bfloat16_tile-inl.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {
namespace {

using namespace bfloat16;

// A piece holds kColumns × kDepth packed weights (512 KiB) in the second-level cache while all its
// rows pass by; a group of kTileRows rows × kDepth (12 KiB) stays in the first-level cache while
// the panels pass by.
constexpr int64_t kPanels = 4;
constexpr int64_t kColumns = kPanels * kPanelColumns;
constexpr int64_t kDepth = 1024;
// Sums that wait for the next part of the depth: kRows × kColumns float32, about two mebibytes.
constexpr int64_t kRows = 352 * kTileRows;
constexpr int64_t kTileSize = kTileRows * kPanelColumns;
// With many threads pieces get fewer rows, down to where packing would show.
constexpr int64_t kPiecesPerThread = 4;
constexpr int64_t kFewestGroups = 43;

int64_t ceil_divide(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

/// A whole group of rows from fewer: what is missing is zero.
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

/// How a product is cut.
struct Pieces {
  explicit Pieces(const Bfloat16Matmul& problem)
      : across(ceil_divide(problem.columns, kColumns)),
        groups(ceil_divide(problem.rows, kTileRows)),
        down(std::max(ceil_divide(problem.rows, kRows),
                      std::min(ceil_divide(groups, kFewestGroups),
                               ceil_divide(kPiecesPerThread * problem.threads, across)))),
        parts(ceil_divide(problem.depth, kDepth)),
        part_depth(ceil_divide(problem.depth, 2 * parts) * 2) {}
  int64_t across;  // pieces side by side
  int64_t groups;  // of kTileRows rows
  int64_t down;    // pieces one below the other
  int64_t parts;   // of the depth
  int64_t part_depth;
};

}  // namespace

int64_t bfloat16_matmul_pieces(const Bfloat16Matmul& problem) {
  const Pieces pieces(problem);
  return pieces.across * pieces.down;
}

Bfloat16MatmulWorkspace::Bfloat16MatmulWorkspace(const Bfloat16Matmul& problem)
    : packed(kColumns * Pieces(problem).part_depth),
      last_rows(kTileRows * Pieces(problem).part_depth),
      waiting(Pieces(problem).parts == 1
                  ? 0
                  : std::min(kRows, Pieces(problem).groups * kTileRows) * kColumns) {}

}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_begin-inl.h"

namespace glm_image::kernels {
namespace {

/// Asks for `depth` values of each row of the group that comes next: rows lie pages apart, where
/// the hardware's own prefetching begins anew for each.
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
void write_tile(const Tile& tile, const Bfloat16Matmul& problem, int64_t row, int64_t column) {
  const int64_t rows = std::min(kTileRows, problem.rows - row);
#pragma GCC unroll 4
  for (int v = 0; v < kTileVectors; ++v) {
    const int64_t first = column + v * kLanes;
    const int64_t count = std::min(kLanes, problem.columns - first);
    if (count <= 0) return;
    const auto mask = static_cast<__mmask16>((1U << count) - 1U);
    auto bias = _mm512_setzero_ps();
    if (problem.bias != nullptr) {
      const auto bits = _mm256_maskz_loadu_epi16(mask, problem.bias + first);
      bias = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      if (r < rows) {
        const auto rounded = _mm512_cvtneps_pbh(_mm512_add_ps(tile.sums[r][v], bias));
        _mm256_mask_storeu_epi16(problem.out + (row + r) * problem.out_stride + first,
                                 mask,
                                 reinterpret_cast<__m256i>(rounded));
      }
    }
  }
}

}  // namespace

void bfloat16_matmul_piece(const Bfloat16Matmul& problem,
                           int64_t piece,
                           Bfloat16MatmulWorkspace& workspace) {
  const Pieces pieces(problem);
  const int64_t first_group = pieces.groups * (piece / pieces.across) / pieces.down;
  const int64_t last_group = pieces.groups * (piece / pieces.across + 1) / pieces.down;
  const int64_t first_column = piece % pieces.across * kColumns;
  const int64_t panels =
      ceil_divide(std::min(kColumns, problem.columns - first_column), kPanelColumns);
  const int64_t panel_size = pieces.part_depth * kPanelColumns;

  for (int64_t part = 0; part < pieces.parts; ++part) {
    const int64_t begin = part * pieces.part_depth;
    const int64_t depth = std::min(pieces.part_depth, problem.depth - begin);
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t column = first_column + panel * kPanelColumns;
      pack_transposed(problem.weight + column * problem.weight_stride + begin,
                      problem.weight_stride,
                      std::min(kPanelColumns, problem.columns - column),
                      depth / 2,
                      workspace.packed.data() + panel * panel_size);
    }
    float* sums = workspace.waiting.data();
    for (int64_t group = first_group; group < last_group; ++group) {
      const int64_t row = group * kTileRows;
      const uint16_t* x = problem.x + row * problem.x_stride + begin;
      const uint16_t* next_x = x + kTileRows * problem.x_stride;
      int64_t x_stride = problem.x_stride;
      if (row + kTileRows > problem.rows) {
        uint16_t* last_rows = workspace.last_rows.data();
        copy_rows(x, x_stride, problem.rows - row, depth, last_rows, pieces.part_depth);
        x = last_rows;
        x_stride = pieces.part_depth;
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
        multiply_add(tile, x, x_stride, workspace.packed.data() + panel * panel_size, depth / 2);
        if (part + 1 < pieces.parts) {
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

int64_t bfloat16_matmul_pieces(const Bfloat16Matmul&) {
  return 0;
}

Bfloat16MatmulWorkspace::Bfloat16MatmulWorkspace(const Bfloat16Matmul&)
    : packed(0), last_rows(0), waiting(0) {}

void bfloat16_matmul_piece(const Bfloat16Matmul&, int64_t, Bfloat16MatmulWorkspace&) {}

}  // namespace glm_image::kernels

#endif
