#include <algorithm>

#include "kernels/convolution.h"
#include "kernels/float_tile_rows.h"
#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/float_convolution.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/float_tile-inl.h"
// clang-format on

#ifndef GLM_IMAGE_KERNELS_FLOAT_CONVOLUTION_BLOCKS
#define GLM_IMAGE_KERNELS_FLOAT_CONVOLUTION_BLOCKS
namespace glm_image::kernels {

// A part of the weight of a block, at most 288 KiB, stays in the second-level cache.
constexpr ConvolutionCut::Blocks kFloatConvolutionBlocks = {kFloatTileRows,
                                                            /*columns=*/2 * kFloatPanelMultiple,
                                                            kFloatPanelMultiple,
                                                            /*groups=*/176,
                                                            /*depth=*/576};

}  // namespace glm_image::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

// ConvolutionCut counts in panels of kFloatPanelMultiple; each holds some of this instruction
// set's.
inline int64_t narrow_panels() {
  return kFloatPanelMultiple / panel_columns();
}

void pack_float_part_kernel(const ConvolutionProblem& problem,
                            const uint16_t* weight,
                            int64_t index,
                            void* packed) {
  const ConvolutionCut cut(problem, kFloatConvolutionBlocks);
  const int64_t block = index / cut.parts;
  const auto part = cut.part(index % cut.parts);
  auto* panel = static_cast<float*>(packed) + cut.packed_offset(block, index % cut.parts);
  for (int64_t p = 0; p < cut.panels(block) * narrow_panels(); ++p) {
    const int64_t channel = cut.first_channel(block) + p * panel_columns();
    for (int64_t row = part.first_row; row < part.first_row + part.rows; ++row) {
      pack_transposed(weight + (row * problem.out_channels + channel) * cut.row_depth + part.begin,
                      cut.row_depth,
                      problem.out_channels - channel,
                      part.depth,
                      panel);
      panel += panel_columns() * part.depth;
    }
  }
}

/// Adds bias and residual, rounds, and writes what lies inside the output.
template <typename T>
HWY_INLINE void write_cells(const ConvolutionProblem& problem,
                            const FloatTile& tile,
                            int64_t row,
                            int64_t column,
                            int64_t channel) {
  const int64_t cells = std::min(kFloatTileRows, problem.columns - column);
  for (int64_t v = 0; v < kTileVectors; ++v) {
    const int64_t first = channel + v * lanes();
    const int64_t count = problem.out_channels - first;
    if (count <= 0) return;
    const bool whole = count >= lanes();
    const auto load_here = [&](const auto* from)
                               HWY_ATTR { return whole ? load(from) : load_some(from, count); };
    const auto bias = load_here(problem.bias + first);
    for (int64_t r = 0; r < cells; ++r) {
      const int64_t offset =
          row * problem.out_row_stride + (column + r) * problem.out_cell_stride + first;
      auto value = hn::Add(tile.sums[r][v], bias);
      if (problem.residual != nullptr) {
        value = hn::Add(value, load_here(static_cast<const T*>(problem.residual) + offset));
      }
      T* out = static_cast<T*>(problem.out) + offset;
      if (whole) {
        store(value, out);
      } else {
        store_some(value, out, count);
      }
    }
  }
}

void float_convolution_piece_kernel(const ConvolutionProblem& problem,
                                    int64_t index,
                                    ConvolutionWorkspace& workspace) {
  const ConvolutionCut cut(problem, kFloatConvolutionBlocks);
  const auto piece = cut.piece(index);
  const int64_t first_channel = cut.first_channel(piece.block);
  const int64_t cell_stride = problem.stride * problem.channels;
  const int64_t panels = cut.panels(piece.block) * narrow_panels();
  float* cells = workspace.group.data();
  for (int64_t p = 0; p < cut.parts; ++p) {
    const auto part = cut.part(p);
    const auto* packed =
        static_cast<const float*>(problem.packed) + cut.packed_offset(piece.block, p);
    const int64_t depth = part.rows * part.depth;
    float* waiting = workspace.waiting.data();
    for (int64_t group = piece.first_group; group < piece.last_group; ++group) {
      const int64_t row = group / cut.row_groups;
      const int64_t column = group % cut.row_groups * kFloatTileRows;
      const uint16_t* x = problem.x + (row * problem.stride + part.first_row) * problem.row_stride +
                          column * cell_stride + part.begin;
      for (int64_t r = 0; r < kFloatTileRows; ++r) {
        for (int64_t k = 0; k < part.rows; ++k) {
          widen_row(x + k * problem.row_stride + r * cell_stride,
                    part.depth,
                    /*factor=*/1.0F,
                    cells + r * depth + k * part.depth);
        }
      }
      for (int64_t panel = 0; panel < panels; ++panel) {
        FloatTile tile;
        if (p == 0) {
          clear(tile);
        } else {
          load_tile(waiting, tile);
        }
        multiply_add(tile, cells, depth, packed + panel * panel_columns() * depth, depth);
        if (p + 1 < cut.parts) {
          store_tile(tile, waiting, panel_columns());
        } else {
          with_element(problem.out_element, [&](auto type) HWY_ATTR {
            write_cells<decltype(type)>(
                problem, tile, row, column, first_channel + panel * panel_columns());
          });
        }
        waiting += kFloatTileRows * panel_columns();
      }
    }
  }
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(pack_float_part_kernel);
HWY_EXPORT(float_convolution_piece_kernel);

namespace {

void pack_float_part(const ConvolutionProblem& problem,
                     const uint16_t* weight,
                     int64_t index,
                     void* packed) {
  HWY_DYNAMIC_DISPATCH(pack_float_part_kernel)(problem, weight, index, packed);
}

void float_convolution_piece(const ConvolutionProblem& problem,
                             int64_t index,
                             ConvolutionWorkspace& workspace) {
  HWY_DYNAMIC_DISPATCH(float_convolution_piece_kernel)(problem, index, workspace);
}

}  // namespace

const ConvolutionForm& float_convolution() {
  static const ConvolutionForm form{
      kFloatConvolutionBlocks, sizeof(float), &pack_float_part, &float_convolution_piece};
  return form;
}

}  // namespace glm_image::kernels
#endif
