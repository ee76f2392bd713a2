#include <algorithm>

#include "kernels/convolution.h"

#if defined(__x86_64__)

#include "kernels/bfloat16_accumulate-inl.h"
#include "kernels/bfloat16_tile-inl.h"

namespace glm_image::kernels {
namespace {

using namespace bfloat16;

// A part of the weight of a block, at most 576 KiB, stays in the second-level cache while a
// mebibyte of sums passes by.
constexpr ConvolutionCut::Blocks kConvolutionBlocks = {
    kTileRows, 4 * kPanelColumns, kPanelColumns, /*groups=*/176, /*depth=*/1152};
constexpr int64_t kTileSize = kTileRows * kPanelColumns;

void pack_part(const ConvolutionProblem& problem,
               const uint16_t* weight,
               int64_t index,
               void* packed) {
  const ConvolutionCut cut(problem, kConvolutionBlocks);
  const int64_t block = index / cut.parts;
  const auto part = cut.part(index % cut.parts);
  auto* panel = static_cast<uint16_t*>(packed) + cut.packed_offset(block, index % cut.parts);
  for (int64_t p = 0; p < cut.panels(block); ++p) {
    const int64_t channel = cut.first_channel(block) + p * kPanelColumns;
    for (int64_t row = part.first_row; row < part.first_row + part.rows; ++row) {
      pack_transposed(weight + (row * problem.out_channels + channel) * cut.row_depth + part.begin,
                      cut.row_depth,
                      std::min(kPanelColumns, problem.out_channels - channel),
                      part.depth / 2,
                      panel);
      panel += kPanelColumns * part.depth;
    }
  }
}

/// A group of output cells × a panel of output channels.
struct TilePlace {
  int64_t row, column, channel;
};

}  // namespace
}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_begin-inl.h"

namespace glm_image::kernels {
namespace {

template <int kVectors>
[[gnu::always_inline]] inline void load_sums(const float* from,
                                             __m512 (&sums)[kTileRows][kVectors]) {
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = _mm512_load_ps(from + r * kPanelColumns + v * kLanes);
    }
  }
}

template <int kVectors>
[[gnu::always_inline]] inline void store_sums(const __m512 (&sums)[kTileRows][kVectors],
                                              float* to) {
#pragma GCC unroll 6
  for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      _mm512_store_ps(to + r * kPanelColumns + v * kLanes, sums[r][v]);
    }
  }
}

[[gnu::always_inline]] inline __m512 load_bfloat16(const uint16_t* from, __mmask16 mask) {
  const auto bits = _mm256_maskz_loadu_epi16(mask, from);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

/// Adds bias and residual, rounds, and writes what lies inside the output.
template <int kVectors>
[[gnu::always_inline]] inline void write_cells(const ConvolutionProblem& problem,
                                               const TilePlace& place,
                                               const __m512 (&sums)[kTileRows][kVectors]) {
  const int64_t cells = std::min(kTileRows, problem.columns - place.column);
  const int64_t first =
      place.row * problem.out_row_stride + place.column * problem.out_cell_stride + place.channel;
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const int64_t channel = place.channel + v * kLanes;
    const int64_t count = std::min(kLanes, problem.out_channels - channel);
    if (count <= 0) return;
    const auto mask = static_cast<__mmask16>((1U << count) - 1U);
    const auto bias = load_bfloat16(problem.bias + channel, mask);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      if (r < cells) {
        const int64_t offset = first + r * problem.out_cell_stride + v * kLanes;
        auto value = _mm512_add_ps(sums[r][v], bias);
        if (problem.out_element == Element::kFloat32) {
          if (problem.residual != nullptr) {
            const auto* residual = static_cast<const float*>(problem.residual) + offset;
            value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, residual));
          }
          _mm512_mask_storeu_ps(static_cast<float*>(problem.out) + offset, mask, value);
        } else {
          if (problem.residual != nullptr) {
            const auto* residual = static_cast<const uint16_t*>(problem.residual) + offset;
            value = _mm512_add_ps(value, load_bfloat16(residual, mask));
          }
          _mm256_mask_storeu_epi16(static_cast<uint16_t*>(problem.out) + offset,
                                   mask,
                                   reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value)));
        }
      }
    }
  }
}

/// One part of the sums of a tile; `x` is where the part begins for its first cell. The sums come
/// from `waiting` unless this is the first part, and go there or, after the last, to the output.
template <int kVectors>
inline void multiply_part(const TileRegisters& registers,
                          const ConvolutionProblem& problem,
                          const ConvolutionCut::Part& part,
                          const TilePlace& place,
                          const uint16_t* x,
                          const uint16_t* panel,
                          bool is_first,
                          bool is_last,
                          float* waiting) {
  const int64_t cell_stride = problem.stride * problem.channels;
  const int64_t panel_row = kPanelColumns * part.depth;
  __m512 sums[kTileRows][kVectors];
  if (registers.used()) {
    if (is_first) std::fill_n(waiting, kTileSize, 0.0F);
    for (int64_t row = 0; row < part.rows; ++row, x += problem.row_stride, panel += panel_row) {
      accumulate<kVectors>(
          registers, x, cell_stride, panel, part.depth / 2, waiting, kPanelColumns);
    }
    if (!is_last) return;
    load_sums(waiting, sums);
    write_cells(problem, place, sums);
    return;
  }
  if (is_first) {
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[r][v] = _mm512_setzero_ps();
    }
  } else {
    load_sums(waiting, sums);
  }
  for (int64_t row = 0; row < part.rows; ++row, x += problem.row_stride, panel += panel_row) {
    multiply_add_pairs(sums, x, cell_stride, panel, part.depth / 2);
  }
  if (is_last) {
    write_cells(problem, place, sums);
  } else {
    store_sums(sums, waiting);
  }
}

void compute_piece(const ConvolutionProblem& problem,
                   int64_t index,
                   ConvolutionWorkspace& workspace) {
  const TileRegisters registers;
  const ConvolutionCut cut(problem, kConvolutionBlocks);
  const auto [first_group, last_group, block] = cut.piece(index);
  const int64_t panels = cut.panels(block), last_channel = problem.out_channels - kPanelColumns;
  for (int64_t p = 0; p < cut.parts; ++p) {
    const auto part = cut.part(p);
    const auto* packed = static_cast<const uint16_t*>(problem.packed) + cut.packed_offset(block, p);
    const bool is_first = p == 0, is_last = p + 1 == cut.parts;
    float* waiting = workspace.waiting.data();
    for (int64_t group = first_group; group < last_group; ++group) {
      TilePlace place{group / cut.row_groups, group % cut.row_groups * kTileRows, 0};
      const uint16_t* x = problem.x +
                          (place.row * problem.stride + part.first_row) * problem.row_stride +
                          place.column * problem.stride * problem.channels + part.begin;
      for (int64_t panel = 0; panel < panels; ++panel, waiting += kTileSize) {
        place.channel = cut.first_channel(block) + panel * kPanelColumns;
        const uint16_t* weight = packed + panel * kPanelColumns * part.depth * part.rows;
        const auto run = [&](auto multiply) {
          multiply(registers, problem, part, place, x, weight, is_first, is_last, waiting);
        };
        const int64_t missing = place.channel <= last_channel ? 0 : place.channel - last_channel;
        switch (kTileVectors - missing / kLanes) {
          case 1:
            run(multiply_part<1>);
            break;
          case 2:
            run(multiply_part<2>);
            break;
          case 3:
            run(multiply_part<3>);
            break;
          default:
            run(multiply_part<4>);
        }
      }
    }
  }
}

}  // namespace
}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_end-inl.h"

namespace glm_image::kernels {

const ConvolutionForm& bfloat16_convolution() {
  static const ConvolutionForm form{
      kConvolutionBlocks, sizeof(uint16_t), &pack_part, &compute_piece};
  return form;
}

}  // namespace glm_image::kernels

#else  // another kind of CPU: has_bfloat16_dot_product() is false and nothing here is called

namespace glm_image::kernels {

const ConvolutionForm& bfloat16_convolution() {
  return float_convolution();
}

}  // namespace glm_image::kernels

#endif
