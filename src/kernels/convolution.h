#pragma once

#include <algorithm>
#include <cstdint>

#include "core/round_up.h"
#include "kernels/element.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// A band of output rows of a 2-D convolution over channels-last bfloat16 values, computed as a
/// matrix product without a matrix: in a padded input row the cells under one row of the kernel lie
/// side by side, so that they are one dense run of kernel_columns·channels values. The runs of
/// neighbouring output cells overlap.
///
/// Sums are float32; bias and residual are added before the one rounding. Strides in values.
struct ConvolutionProblem {
  const uint16_t* x = nullptr;  ///< the padded input, from the first cell under the kernel
  int64_t row_stride = 0;       ///< between rows of x
  int64_t channels = 0;         ///< of a cell of x; even
  int64_t stride = 1;           ///< cells of x between neighbouring output cells, both ways
  int64_t kernel_rows = 0, kernel_columns = 0;
  const void* packed = nullptr;    ///< the weight, as ConvolutionForm::pack writes it
  const uint16_t* bias = nullptr;  ///< [out_channels]
  int64_t out_channels = 0;
  int64_t rows = 0, columns = 0;  ///< output cells
  Element out_element = Element::kBfloat16;
  void* out = nullptr;
  const void* residual = nullptr;  ///< added; laid out as out, and may be out. Null for none
  int64_t out_row_stride = 0, out_cell_stride = 0;
  int64_t threads = 1;  ///< threads that share the work
};

/// Divides a convolution into independent pieces: some output cells × some output channels. A group
/// of cells, the rows of a tile, never spans two output rows. A long sum is computed in parts, so
/// that the weight of a part stays in the second-level cache while it is used for all cells;
/// partial sums are kept in memory between two parts.
struct ConvolutionCut {
  struct Blocks {
    int64_t tile_cells;  ///< cells of a group
    int64_t columns;     ///< output channels of a piece, at most
    int64_t panel;       ///< output channels that are packed side by side
    int64_t groups;      ///< of a piece, at most
    int64_t depth;       ///< of a part, at most
  };
  struct Piece {
    int64_t first_group, last_group, block;
  };
  /// `rows` rows of the kernel from first_row on, and of each `depth` values from `begin` on.
  struct Part {
    int64_t first_row, rows, begin, depth;
  };

  ConvolutionCut(const ConvolutionProblem& problem, const Blocks& blocks)
      : sizes(blocks),
        kernel_rows(problem.kernel_rows),
        row_depth(problem.kernel_columns * problem.channels),
        out_channels(problem.out_channels),
        row_groups(divide_up(problem.columns, blocks.tile_cells)),
        across(divide_up(out_channels, blocks.columns)) {
    if (kernel_rows * row_depth <= blocks.depth) {
      part_rows = kernel_rows;
      part_depth = row_depth;
    } else {
      constexpr int64_t kWholeTiles = 32;  // values
      part_rows = 1;
      part_depth = divide_up(divide_up(row_depth, divide_up(row_depth, blocks.depth)), kWholeTiles);
      part_depth = std::min(part_depth * kWholeTiles, row_depth);
    }
    row_parts = divide_up(row_depth, part_depth);
    parts = kernel_rows / part_rows * row_parts;
    // With many threads pieces get fewer cells, but not so few that loading the weight would
    // dominate.
    constexpr int64_t kPiecesPerThread = 8, kFewestGroups = 43;
    const int64_t groups = problem.rows * row_groups;
    const int64_t wanted = divide_up(kPiecesPerThread * problem.threads, across);
    down = std::max(divide_up(groups, blocks.groups),
                    std::min(divide_up(groups, kFewestGroups), wanted));
    all_groups = groups;
  }

  int64_t pieces() const { return across * down; }

  Piece piece(int64_t index) const {
    const int64_t cells_part = index / across;
    return {all_groups * cells_part / down, all_groups * (cells_part + 1) / down, index % across};
  }

  Part part(int64_t index) const {
    const int64_t begin = index % row_parts * part_depth;
    return {
        index / row_parts * part_rows, part_rows, begin, std::min(part_depth, row_depth - begin)};
  }

  int64_t first_channel(int64_t block) const { return block * sizes.columns; }
  int64_t panels(int64_t block) const {
    return divide_up(std::min(sizes.columns, out_channels - first_channel(block)), sizes.panel);
  }

  /// The offset of the weight of a part of a block in the packed values, and their number. The
  /// panels of a part are contiguous.
  int64_t packed_offset(int64_t block, int64_t part_index) const {
    const auto found = part(part_index);
    return (first_channel(block) * kernel_rows * row_depth) +
           panels(block) * sizes.panel * (found.first_row * row_depth + found.begin * found.rows);
  }
  int64_t packed_values() const {
    return divide_up(out_channels, sizes.panel) * sizes.panel * kernel_rows * row_depth;
  }

  /// Number of partial sums kept between two parts, and of values of a group that a part
  /// multiplies.
  int64_t waiting_values() const {
    return (divide_up(all_groups, down) + 1) * sizes.tile_cells * sizes.columns;
  }
  int64_t group_values() const { return sizes.tile_cells * part_rows * part_depth; }

  Blocks sizes;
  int64_t kernel_rows, row_depth, out_channels;
  int64_t row_groups;    ///< groups of an output row
  int64_t across, down;  ///< pieces
  int64_t part_rows = 0, part_depth = 0, row_parts = 0, parts = 0;
  int64_t all_groups = 0;
};

/// Working memory that one thread uses for one piece after the other.
struct ConvolutionWorkspace {
  explicit ConvolutionWorkspace(const ConvolutionCut& cut)
      : waiting(cut.waiting_values()), group(cut.group_values()) {}
  Scratch<float> waiting;  ///< sums over the parts so far
  Scratch<float> group;    ///< a group of cells as float32
};

/// One implementation of the convolution.
struct ConvolutionForm {
  ConvolutionCut::Blocks blocks;
  int64_t packed_value_bytes;
  /// Packs one part of a block of the weight, 0 ≤ index < across·parts. The weight is
  /// [kernel_rows, out_channels, kernel_columns, channels].
  void (*pack)(const ConvolutionProblem& problem,
               const uint16_t* weight,
               int64_t index,
               void* packed);
  /// Computes one piece, 0 ≤ index < pieces.
  void (*piece)(const ConvolutionProblem& problem, int64_t index, ConvolutionWorkspace& workspace);
};

/// bfloat16 dot products, or tiles where the CPU has them; needs has_bfloat16_dot_product().
const ConvolutionForm& bfloat16_convolution();
/// Any CPU: values are widened to float32 and multiplied as such.
const ConvolutionForm& float_convolution();

}  // namespace glm_image::kernels
