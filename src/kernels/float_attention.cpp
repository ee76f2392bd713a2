#include "kernels/float_attention.h"

#include <algorithm>
#include <limits>

#include "core/round_up.h"
#include "kernels/float_tile_rows.h"
#include "kernels/highway_settings.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/float_attention.cpp"
#include "hwy/foreach_target.h"  // must come before highway.h

// clang-format off
#include "hwy/highway.h"
#include "kernels/exponential-inl.h"
#include "kernels/float_tile-inl.h"
#include "kernels/reduction-inl.h"
// clang-format on

#ifndef GLM_IMAGE_KERNELS_FLOAT_ATTENTION_BLOCKS
#define GLM_IMAGE_KERNELS_FLOAT_ATTENTION_BLOCKS
namespace glm_image::kernels {

// At dim 128 the packed keys of a block and their values are 64 KiB each, the sums of kRows rows
// 48 KiB: they fit a second-level cache of 256 KiB.
constexpr int64_t kFloatKeyBlock = 2 * kFloatPanelMultiple;
constexpr int64_t kFloatRows = 16 * kFloatTileRows;

}  // namespace glm_image::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace glm_image::kernels::HWY_NAMESPACE {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

/// Packs a block of keys and values of one head of `keys`; padding of the last block is zero.
/// `slot`: the index of the key in the workspace at which the block is written.
template <typename T>
HWY_INLINE void pack_block(const AttentionProblem& problem,
                           const AttentionPiece& piece,
                           int64_t first,
                           int64_t keys,
                           int64_t slot,
                           FloatAttentionWorkspace& workspace) {
  const int64_t dim = problem.dim, padded_dim = round_up(dim, panel_columns());
  const auto& ks = problem.k_strides;
  const auto& vs = problem.v_strides;
  const T* k = static_cast<const T*>(problem.k) + piece.batch * ks.batch + piece.key_head * ks.head;
  const T* v = static_cast<const T*>(problem.v) + piece.batch * vs.batch + piece.key_head * vs.head;
  const int64_t count = std::min(kFloatKeyBlock, keys - first);
  for (int64_t key = 0; key < count; key += panel_columns()) {
    pack_transposed(k + (first + key) * ks.token,
                    ks.token,
                    std::min(panel_columns(), count - key),
                    dim,
                    workspace.keys.data() + (slot + key) * dim);
  }
  for (int64_t column = 0; column < dim; column += panel_columns()) {
    pack_rows(v + first * vs.token + column,
              vs.token,
              keys - first,
              dim - column,
              round_up(count, panel_columns()),
              workspace.values.data() + slot * padded_dim + column * kFloatKeyBlock);
  }
}

/// Turns a row of scores into weights relative to the row's maximum so far. Only the first
/// `visible` scores count, and of those the ones that `mask` (may be null) allows. state =
/// {maximum, sum of weights}. Returns the factor that rescales the previous sums.
HWY_INLINE float compute_weights(
    float* scores, int64_t keys, int64_t visible, const bool* mask, float* state) {
  const FloatTag d;
  for (int64_t i = 0; mask != nullptr && i < visible; ++i) {
    if (!mask[i]) scores[i] = kMinusInfinity;
  }
  for (int64_t i = std::max<int64_t>(visible, 0); i < keys; ++i) scores[i] = kMinusInfinity;

  auto largest = hn::Set(d, state[0]);
  for (int64_t i = 0; i < keys; i += lanes()) largest = hn::Max(largest, load(scores + i));
  const float maximum = hn::GetLane(hn::MaxOfLanes(d, largest));
  // If no key was seen yet, subtracting any finite value makes the weights negligible.
  const float reference = maximum == kMinusInfinity ? 0.0F : maximum;
  const auto references = hn::Set(d, reference);
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < keys; i += lanes()) {
    const auto weight = exponential(hn::Sub(load(scores + i), references));
    sum = hn::Add(sum, weight);
    store(weight, scores + i);
  }
  const float correction = hn::GetLane(exponential(hn::Set(d, state[0] - reference)));
  state[0] = maximum;
  state[1] = state[1] * correction + sum_of_lanes(sum);
  return correction;
}

/// sums [panels][kFloatTileRows][panel_columns()] = sums·corrections + weights·values.
HWY_INLINE void accumulate_values(const float* weights,
                                  const float* values,
                                  int64_t keys,
                                  int64_t panels,
                                  const float* corrections,
                                  float* sums) {
  for (int64_t panel = 0; panel < panels; ++panel) {
    FloatTile tile;
    load_tile(sums, tile);
    for (int r = 0; r < kFloatTileRows; ++r) {
      const auto correction = hn::Set(FloatTag(), corrections[r]);
      for (int v = 0; v < kTileVectors; ++v) {
        tile.sums[r][v] = hn::Mul(tile.sums[r][v], correction);
      }
    }
    multiply_add(
        tile, weights, kFloatKeyBlock, values + panel * kFloatKeyBlock * panel_columns(), keys);
    store_tile(tile, sums, panel_columns());
    sums += kFloatTileRows * panel_columns();
  }
}

/// One block of keys, packed at `slot`, for one tile of rows.
HWY_INLINE void attend_tile(const AttentionProblem& problem,
                            const AttentionPiece& piece,
                            int64_t row,
                            int64_t key,
                            int64_t keys,
                            int64_t slot,
                            const float* queries,
                            float* states,
                            float* sums,
                            FloatAttentionWorkspace& workspace) {
  const int64_t dim = problem.dim, padded_dim = round_up(dim, panel_columns());
  float* scores = workspace.scores.data();
  for (int64_t column = 0; column < keys; column += panel_columns()) {
    FloatTile tile;
    clear(tile);
    multiply_add(tile, queries, dim, workspace.keys.data() + (slot + column) * dim, dim);
    store_tile(tile, scores + column, kFloatKeyBlock);
  }
  const bool* mask =
      problem.key_mask == nullptr ? nullptr : problem.key_mask + piece.batch * problem.keys + key;
  float corrections[kFloatTileRows];
  for (int64_t r = 0; r < kFloatTileRows; ++r) {
    const int64_t visible = visible_keys(problem, std::min(row + r, piece.last_row - 1)) - key;
    corrections[r] = compute_weights(
        scores + r * kFloatKeyBlock, keys, std::min(visible, keys), mask, states + 2 * r);
  }
  accumulate_values(scores,
                    workspace.values.data() + slot * padded_dim,
                    keys,
                    padded_dim / panel_columns(),
                    corrections,
                    sums);
}

/// Divides the sums of a tile by the sums of the weights and writes the rows that exist.
template <typename T>
HWY_INLINE void write_rows(const AttentionProblem& problem,
                           const AttentionPiece& piece,
                           int64_t row,
                           const float* states,
                           const float* sums) {
  for (int64_t r = 0; r < std::min(kFloatTileRows, piece.last_row - row); ++r) {
    const float weight_sum = states[2 * r + 1];
    // The key with the largest score has weight 1, so a smaller sum means that the row sees no key.
    const auto inverse = hn::Set(FloatTag(), weight_sum > 0.5F ? 1.0F / weight_sum : 0.0F);
    T* out = static_cast<T*>(problem.out) + piece.offset(problem, problem.out_strides, row + r);
    for (int64_t column = 0; column < problem.dim; column += lanes()) {
      const int64_t panel = column / panel_columns();
      const auto result = hn::Mul(
          load(sums + (panel * kFloatTileRows + r) * panel_columns() + column % panel_columns()),
          inverse);
      const int64_t count = problem.dim - column;
      if (count >= lanes()) {
        store(result, out + column);
      } else {
        store_some(result, out + column, count);
      }
    }
  }
}

/// All keys for up to kFloatRows rows.
template <typename T>
HWY_INLINE void attend_rows(const AttentionProblem& problem,
                            const AttentionPiece& piece,
                            int64_t first_row,
                            int64_t last_row,
                            FloatAttentionWorkspace& workspace) {
  const int64_t dim = problem.dim, padded_dim = round_up(dim, panel_columns());
  const int64_t rows = round_up(last_row - first_row, kFloatTileRows);
  float* queries = workspace.queries.data();
  float* states = workspace.row_states.data();
  float* sums = workspace.sums.data();
  for (int64_t r = 0; r < rows; ++r) {
    if (first_row + r < last_row) {
      const T* q = static_cast<const T*>(problem.q) +
                   piece.offset(problem, problem.q_strides, first_row + r);
      widen_row(q, dim, problem.scale, queries + r * dim);
    } else {
      std::fill_n(queries + r * dim, dim, 0.0F);
    }
    states[2 * r] = kMinusInfinity;
    states[2 * r + 1] = 0;
  }
  std::fill_n(sums, rows * padded_dim, 0.0F);

  const int64_t all_keys = visible_keys(problem, last_row - 1);
  const bool packs_blocks = !workspace.holds_all_keys;
  for (int64_t key = 0; key < all_keys; key += kFloatKeyBlock) {
    const int64_t slot = packs_blocks ? 0 : key;
    if (packs_blocks) pack_block<T>(problem, piece, key, all_keys, slot, workspace);
    const int64_t keys = round_up(std::min(kFloatKeyBlock, all_keys - key), panel_columns());
    for (int64_t r = 0; r < rows; r += kFloatTileRows) {
      const int64_t last_of_tile = std::min(first_row + r + kFloatTileRows, last_row) - 1;
      if (visible_keys(problem, last_of_tile) <= key) continue;
      attend_tile(problem,
                  piece,
                  first_row + r,
                  key,
                  keys,
                  slot,
                  queries + r * dim,
                  states + 2 * r,
                  sums + r * padded_dim,
                  workspace);
    }
  }
  for (int64_t r = 0; r < rows; r += kFloatTileRows) {
    write_rows<T>(problem, piece, first_row + r, states + 2 * r, sums + r * padded_dim);
  }
}

void float_attention_piece_kernel(Element element,
                                  const AttentionProblem& problem,
                                  int64_t index,
                                  FloatAttentionWorkspace& workspace) {
  const AttentionPiece piece = AttentionCut(problem, kFloatTileRows, kFloatRows).piece(index);
  if (piece.first_row >= piece.last_row) return;
  with_element(element, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    const int64_t keys = workspace.holds_all_keys ? visible_keys(problem, piece.last_row - 1) : 0;
    for (int64_t key = 0; key < keys; key += kFloatKeyBlock) {
      pack_block<T>(problem, piece, key, keys, /*slot=*/key, workspace);
    }
    for (int64_t row = piece.first_row; row < piece.last_row; row += kFloatRows) {
      attend_rows<T>(problem, piece, row, std::min(row + kFloatRows, piece.last_row), workspace);
    }
  });
}

}  // namespace glm_image::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace glm_image::kernels {

HWY_EXPORT(float_attention_piece_kernel);

int64_t float_attention_pieces(const AttentionProblem& problem) {
  return AttentionCut(problem, kFloatTileRows, kFloatRows).pieces();
}

namespace {

/// Number of keys that are packed at the same time. A single pass over the keys needs only one
/// block.
int64_t packed_keys(const AttentionProblem& problem) {
  const bool passes_once = problem.queries * problem.group <= kFloatRows;
  return passes_once ? kFloatKeyBlock : round_up(problem.keys, kFloatKeyBlock);
}

}  // namespace

FloatAttentionWorkspace::FloatAttentionWorkspace(const AttentionProblem& problem)
    : holds_all_keys(packed_keys(problem) >= problem.keys),
      keys(packed_keys(problem) * problem.dim),
      values(packed_keys(problem) * round_up(problem.dim, kFloatPanelMultiple)),
      queries(kFloatRows * problem.dim),
      scores(kFloatTileRows * kFloatKeyBlock),
      sums(kFloatRows * round_up(problem.dim, kFloatPanelMultiple)),
      row_states(2 * kFloatRows) {}

void float_attention_piece(Element element,
                           const AttentionProblem& problem,
                           int64_t piece,
                           FloatAttentionWorkspace& workspace) {
  HWY_DYNAMIC_DISPATCH(float_attention_piece_kernel)(element, problem, piece, workspace);
}

}  // namespace glm_image::kernels
#endif
