#include "kernels/quantised_attention.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/cpu_level.h"
#include "core/round_up.h"

namespace glm_image::kernels {

bool has_quantised_attention() {
  return cpu_has(CpuLevel::kAvx512Vnni) && !cpu_has(CpuLevel::kAmx);
}

}  // namespace glm_image::kernels

#if defined(__x86_64__)

#include <immintrin.h>

namespace glm_image::kernels {
namespace {

constexpr int64_t kLanes = 16;
constexpr int64_t kStep = 4;  ///< values that a lane of a dot product adds
constexpr int64_t kVectors = 4;
constexpr int64_t kPanel = kLanes * kVectors;
constexpr int64_t kTileRows = 6;
// Keys and values of a block (64 KiB at dim 128), the queries and the sums of kRows rows stay in
// the second-level cache; scores and weights of kTileRows rows in the first-level cache.
constexpr int64_t kKeyBlock = 256;
constexpr int64_t kRows = 32 * kTileRows;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr float kLog2E = 1.44269504F;
/// Adds 128 to four bytes.
constexpr uint32_t kKeyFlip = 0x80808080U;
constexpr int32_t kKeyOffset = 128;
constexpr float kLargest = 127;  ///< integer of a query, key or value
constexpr float kLargestWeight = 255;

constexpr int64_t steps_of(int64_t dim) {
  return divide_up(dim, kStep);
}

}  // namespace

int64_t quantised_attention_pieces(const AttentionProblem& problem) {
  return AttentionCut(problem, kTileRows, kRows).pieces();
}

QuantisedAttentionWorkspace::QuantisedAttentionWorkspace(const AttentionProblem& problem)
    : keys(round_up(problem.keys, kPanel) * steps_of(problem.dim) * kStep),
      key_scales(round_up(problem.keys, kPanel)),
      values(round_up(problem.keys, kKeyBlock) * round_up(problem.dim, kPanel)),
      value_scales(round_up(problem.keys, kKeyBlock) / kKeyBlock * round_up(problem.dim, kPanel)),
      means(2 * round_up(problem.dim, kPanel)),
      bias(round_up(problem.keys, kPanel)),
      centred(kKeyBlock * round_up(problem.dim, kPanel)),
      queries(kRows * steps_of(problem.dim) * kStep),
      sums(kRows * round_up(problem.dim, kPanel)),
      row(round_up(problem.dim, kLanes)) {}

}  // namespace glm_image::kernels

#include "kernels/avx512_vnni_begin-inl.h"

namespace glm_image::kernels {
namespace {

#include "kernels/quantised_attention_pack-inl.h"
#include "kernels/quantised_attention_tile-inl.h"

/// Rounds to the nearest bfloat16, ties to even.
inline __m256i to_bfloat16(__m512 x) {
  const auto bits = _mm512_castps_si512(x);
  const auto odd = _mm512_and_epi32(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const auto rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

/// Divides the sums of a tile by the sums of the weights and writes the rows that exist.
void write_rows(const AttentionProblem& problem,
                const AttentionPiece& piece,
                int64_t row,
                const TileState& state,
                const float* means,
                const float* sums) {
  for (int64_t r = 0; r < std::min(kTileRows, piece.last_row - row); ++r) {
    const float weight_sum = _mm512_reduce_add_ps(state.weight_sums[r]);
    // The key with the largest score has weight 1, so a smaller sum means that the row sees no key.
    const bool has_seen = weight_sum > 0.5F;
    const auto inverse = _mm512_set1_ps(has_seen ? 1.0F / weight_sum : 0.0F);
    auto* out = static_cast<uint16_t*>(problem.out);
    prefetch_row(out + piece.offset(problem, problem.out_strides, row + r + kRowsAhead),
                 problem.dim);
    out += piece.offset(problem, problem.out_strides, row + r);
    for (int64_t c = 0; c < problem.dim; c += kLanes) {
      const float* source = sums + (c / kPanel * kTileRows + r) * kPanel + c % kPanel;
      const auto mean = has_seen ? _mm512_load_ps(means + c) : _mm512_setzero_ps();
      const auto result = _mm512_fmadd_ps(_mm512_load_ps(source), inverse, mean);
      const int64_t count = std::min(kLanes, problem.dim - c);
      if (count == kLanes) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + c), to_bfloat16(result));
      } else {
        _mm256_mask_storeu_epi16(
            out + c, static_cast<__mmask16>((1U << count) - 1U), to_bfloat16(result));
      }
    }
  }
}

/// Quantises the queries of the rows and sets up their states.
void begin_rows(const AttentionProblem& problem,
                const AttentionPiece& piece,
                int64_t first_row,
                int64_t tiles,
                QuantisedAttentionWorkspace& workspace,
                TileState* states) {
  const int64_t steps = steps_of(problem.dim);
  for (int64_t row = 0; row < tiles * kTileRows; ++row) {
    const int64_t tile = row / kTileRows, r = row % kTileRows;
    // Rows that fill up the last tile repeat the last row.
    const int64_t from = std::min(first_row + row, piece.last_row - 1);
    const auto* q = static_cast<const uint16_t*>(problem.q);
    prefetch_row(q + piece.offset(problem, problem.q_strides, from + kRowsAhead), problem.dim);
    const auto scale = quantise_row(q + piece.offset(problem, problem.q_strides, from),
                                    problem.dim,
                                    nullptr,
                                    workspace.row.data());
    states[tile].factors[r] = scale.scale * problem.scale * kLog2E;
    states[tile].maxima[r] = kMinusInfinity;
    states[tile].starts[r] = -kKeyOffset * scale.sum;
    states[tile].weight_sums[r] = _mm512_setzero_ps();
    interleave_row(workspace.row.data(),
                   steps,
                   kTileRows,
                   /*flip=*/0,
                   workspace.queries.data() + (tile * steps * kTileRows + r) * kStep);
  }
  std::fill_n(workspace.sums.data(), tiles * kTileRows * round_up(problem.dim, kPanel), 0.0F);
}

/// All keys for up to kRows rows.
void attend_rows(const AttentionProblem& problem,
                 const AttentionPiece& piece,
                 int64_t first_row,
                 int64_t last_row,
                 QuantisedAttentionWorkspace& workspace) {
  const int64_t padded_dim = round_up(problem.dim, kPanel), steps = steps_of(problem.dim);
  const int64_t tiles = divide_up(last_row - first_row, kTileRows);
  TileState states[kRows / kTileRows] = {};
  begin_rows(problem, piece, first_row, tiles, workspace, states);
  const int64_t all_keys = visible_keys(problem, last_row - 1);
  TileBlock block = {};
  for (int64_t key = 0; key < all_keys; key += kKeyBlock) {
    const int64_t panels = round_up(std::min(kKeyBlock, all_keys - key), kPanel) / kPanel;
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t row = first_row + tile * kTileRows;
      int64_t visible[kTileRows];
      for (int64_t r = 0; r < kTileRows; ++r) {
        visible[r] = visible_keys(problem, std::min(row + r, last_row - 1));
      }
      if (visible[kTileRows - 1] <= key) continue;
      compute_scores(workspace.queries.data() + tile * steps * kTileRows * kStep,
                     states[tile],
                     steps,
                     workspace.keys.data() + key * steps * kStep,
                     workspace.key_scales.data() + key,
                     panels,
                     block);
      if (problem.key_mask != nullptr || visible[0] < key + panels * kPanel) {
        mask_scores(workspace.bias.data() + key, visible, key, panels * kPanel, block);
      }
      compute_weights(panels, block, states[tile]);
      for (int64_t c = 0; c < padded_dim; c += kPanel) {
        add_value_panel(block,
                        workspace.values.data() + key * padded_dim + c * kKeyBlock,
                        workspace.value_scales.data() + key / kKeyBlock * padded_dim + c,
                        panels * kPanel / kStep,
                        workspace.sums.data() + (tile * padded_dim + c) * kTileRows);
      }
    }
  }
  for (int64_t tile = 0; tile < tiles; ++tile) {
    write_rows(problem,
               piece,
               first_row + tile * kTileRows,
               states[tile],
               workspace.means.data() + padded_dim,
               workspace.sums.data() + tile * kTileRows * padded_dim);
  }
}

}  // namespace

void quantised_attention_piece(const AttentionProblem& problem,
                               int64_t index,
                               QuantisedAttentionWorkspace& workspace) {
  const AttentionPiece piece = AttentionCut(problem, kTileRows, kRows).piece(index);
  if (piece.first_row >= piece.last_row) return;
  const bool* mask =
      problem.key_mask == nullptr ? nullptr : problem.key_mask + piece.batch * problem.keys;
  // All keys even if this piece sees fewer, so that rows do not depend on the cut.
  pack_keys(problem, piece, mask, workspace);
  pack_values(problem, piece, mask, workspace);
  for (int64_t row = piece.first_row; row < piece.last_row; row += kRows) {
    attend_rows(problem, piece, row, std::min(row + kRows, piece.last_row), workspace);
  }
}

}  // namespace glm_image::kernels

#include "kernels/avx512_vnni_end-inl.h"

#else  // another kind of CPU: has_quantised_attention() is false and nothing here is called

namespace glm_image::kernels {

int64_t quantised_attention_pieces(const AttentionProblem&) {
  return 0;
}

QuantisedAttentionWorkspace::QuantisedAttentionWorkspace(const AttentionProblem&)
    : keys(0),
      key_scales(0),
      values(0),
      value_scales(0),
      means(0),
      bias(0),
      centred(0),
      queries(0),
      sums(0),
      row(0) {}

void quantised_attention_piece(const AttentionProblem&, int64_t, QuantisedAttentionWorkspace&) {}

}  // namespace glm_image::kernels

#endif
