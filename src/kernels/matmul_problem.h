#pragma once

#include <algorithm>
#include <cstdint>

#include "core/round_up.h"

namespace glm_image::kernels {

/// out = x·weightᵀ + bias, summed in float32 and rounded once. Strides in values; the innermost
/// dimension is dense.
struct MatmulProblem {
  const void* x = nullptr;  ///< [rows, depth]
  int64_t x_stride = 0;
  const void* weight = nullptr;  ///< [columns, depth]
  int64_t weight_stride = 0;
  const void* bias = nullptr;  ///< [columns] or null
  void* out = nullptr;         ///< [rows, columns]
  int64_t out_stride = 0;
  int64_t rows = 0, columns = 0, depth = 0;
  int64_t threads = 1;  ///< threads that share the work
};

/// Divides a product into independent pieces. A piece packs its part of the weight once, in an
/// order that suits the vectors, and reuses it for all its groups of rows (a group is as high as a
/// tile), so pieces are large. A deep product is computed in parts, so that the packed values stay
/// in the second-level cache; partial sums are kept in memory between two parts.
struct MatmulCut {
  struct Blocks {
    int64_t tile_rows;  ///< rows of a group
    int64_t columns;    ///< of a piece, at most
    int64_t groups;     ///< of a piece, at most
    int64_t depth;      ///< of a part, at most
  };
  struct Piece {
    int64_t first_group, last_group, first_column, columns;
  };

  MatmulCut(const MatmulProblem& problem, const Blocks& blocks)
      : groups(divide_up(problem.rows, blocks.tile_rows)),
        parts(divide_up(problem.depth, blocks.depth)),
        part_depth(divide_up(problem.depth, 2 * parts) * 2),
        all_columns(problem.columns),
        piece_columns(blocks.columns),
        across(divide_up(problem.columns, blocks.columns)) {
    // With many threads pieces get fewer rows, but not so few that packing would dominate.
    constexpr int64_t kPiecesPerThread = 4;
    constexpr int64_t kFewestGroups = 43;
    const int64_t wanted = divide_up(kPiecesPerThread * problem.threads, across);
    down = std::max(divide_up(groups, blocks.groups),
                    std::min(divide_up(groups, kFewestGroups), wanted));
    piece_groups = divide_up(groups, down);
  }

  int64_t pieces() const { return across * down; }

  Piece piece(int64_t index) const {
    // Consecutive pieces share rows, not columns, because rows are read repeatedly.
    const int64_t row_part = index / across, first_column = index % across * piece_columns;
    return {groups * row_part / down,
            groups * (row_part + 1) / down,
            first_column,
            std::min(piece_columns, all_columns - first_column)};
  }

  int64_t groups, parts;
  int64_t part_depth;  ///< even
  int64_t all_columns, piece_columns;
  int64_t across, down;  ///< pieces side by side and one below the other
  int64_t piece_groups;  ///< at most
};

}  // namespace glm_image::kernels
