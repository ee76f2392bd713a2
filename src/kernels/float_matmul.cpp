#include "kernels/float_matmul.h"

#include <algorithm>

#include "core/round_up.h"
#include "kernels/float_tile_rows.h"
#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/float_matmul.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/float_tile-inl.h"
// clang-format on

#ifndef GLM_IMAGE_KERNELS_FLOAT_MATMUL_BLOCKS
#define GLM_IMAGE_KERNELS_FLOAT_MATMUL_BLOCKS
namespace glm_image::kernels {

// 128 columns × 512 packed weights are 256 KiB, what older cores have as second-level cache.
constexpr MatmulCut::Blocks kFloatBlocks = {
    kFloatTileRows, /*columns=*/2 * kFloatPanelMultiple, /*groups=*/352, /*depth=*/512};

}  // namespace glm_image::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

/// Adds the bias and writes what lies inside the output.
template <typename T>
HWY_INLINE void write_tile(const FloatTile& tile,
                           const MatmulProblem& problem,
                           int64_t row,
                           int64_t column) {
  const int64_t rows = std::min(kFloatTileRows, problem.rows - row);
  for (int64_t v = 0; v < kTileVectors; ++v) {
    const int64_t first = column + v * lanes();
    const int64_t count = problem.columns - first;
    if (count <= 0) return;
    const bool whole = count >= lanes();
    auto bias = hn::Zero(FloatTag());
    if (problem.bias != nullptr) {
      const T* from = static_cast<const T*>(problem.bias) + first;
      bias = whole ? load(from) : load_some(from, count);
    }
    for (int64_t r = 0; r < rows; ++r) {
      T* out = static_cast<T*>(problem.out) + (row + r) * problem.out_stride + first;
      const auto sum = hn::Add(tile.sums[r][v], bias);
      if (whole) {
        store(sum, out);
      } else {
        store_some(sum, out, count);
      }
    }
  }
}

template <typename T>
void multiply_piece(const MatmulProblem& problem, int64_t piece, FloatMatmulWorkspace& workspace) {
  const MatmulCut cut(problem, kFloatBlocks);
  const auto [first_group, last_group, first_column, columns] = cut.piece(piece);
  const int64_t panels = divide_up(columns, panel_columns());
  const int64_t panel_size = cut.part_depth * panel_columns();
  const auto* x = static_cast<const T*>(problem.x);
  const auto* weight = static_cast<const T*>(problem.weight);
  float* rows = workspace.rows.data();

  for (int64_t part = 0; part < cut.parts; ++part) {
    const int64_t begin = part * cut.part_depth;
    const int64_t depth = std::min(cut.part_depth, problem.depth - begin);
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t column = first_column + panel * panel_columns();
      pack_transposed(weight + column * problem.weight_stride + begin,
                      problem.weight_stride,
                      std::min(panel_columns(), problem.columns - column),
                      depth,
                      workspace.packed.data() + panel * panel_size);
    }
    float* sums = workspace.waiting.data();
    for (int64_t group = first_group; group < last_group; ++group) {
      const int64_t row = group * kFloatTileRows;
      for (int64_t r = 0; r < kFloatTileRows; ++r) {
        float* to = rows + r * cut.part_depth;
        if (row + r < problem.rows) {
          widen_row(x + (row + r) * problem.x_stride + begin, depth, /*factor=*/1.0F, to);
        } else {
          std::fill_n(to, depth, 0.0F);
        }
      }
      for (int64_t panel = 0; panel < panels; ++panel) {
        FloatTile tile;
        if (part == 0) {
          clear(tile);
        } else {
          load_tile(sums, tile);
        }
        multiply_add(
            tile, rows, cut.part_depth, workspace.packed.data() + panel * panel_size, depth);
        if (part + 1 < cut.parts) {
          store_tile(tile, sums, panel_columns());
        } else {
          write_tile<T>(tile, problem, row, first_column + panel * panel_columns());
        }
        sums += kFloatTileRows * panel_columns();
      }
    }
  }
}

void float_matmul_piece_kernel(Element element,
                               const MatmulProblem& problem,
                               int64_t piece,
                               FloatMatmulWorkspace& workspace) {
  with_element(element, [&](auto type) HWY_ATTR {
    multiply_piece<decltype(type)>(problem, piece, workspace);
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(float_matmul_piece_kernel);

int64_t float_matmul_pieces(const MatmulProblem& problem) {
  return MatmulCut(problem, kFloatBlocks).pieces();
}

FloatMatmulWorkspace::FloatMatmulWorkspace(const MatmulProblem& problem)
    : FloatMatmulWorkspace(MatmulCut(problem, kFloatBlocks)) {}

FloatMatmulWorkspace::FloatMatmulWorkspace(const MatmulCut& cut)
    : packed(kFloatBlocks.columns * cut.part_depth),
      rows(kFloatTileRows * cut.part_depth),
      waiting(cut.parts == 1 ? 0 : cut.piece_groups * kFloatTileRows * kFloatBlocks.columns) {}

void float_matmul_piece(Element element,
                        const MatmulProblem& problem,
                        int64_t piece,
                        FloatMatmulWorkspace& workspace) {
  HWY_DYNAMIC_DISPATCH(float_matmul_piece_kernel)(element, problem, piece, workspace);
}

}  // namespace glm_image::kernels
#endif
