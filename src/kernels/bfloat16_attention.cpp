#include "kernels/bfloat16_attention.h"

#include <algorithm>
#include <limits>

#if defined(__x86_64__)

#include "core/round_up.h"
#include "kernels/bfloat16_exponential-inl.h"
#include "kernels/bfloat16_tile-inl.h"

namespace glm_image::kernels {
namespace {

using namespace bfloat16;

// Keys (64 KiB packed at dim 128), their values, and the queries and sums of kRows rows stay in the
// second-level cache; scores and weights of a tile's rows in the first-level cache.
constexpr int64_t kKeyBlock = 256;
constexpr int64_t kRows = 192;
/// Rows of a tile that fills the registers of tiles (AMX).
constexpr int64_t kFullTileRows = 16;
static_assert(kRows % kTileRows == 0 && kRows % kFullTileRows == 0);
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr float kLog2E = 1.44269504F;

/// Returns the rows of a tile. Tiles are filled only where no pairs are left over, which would be
/// multiplied one by one.
int64_t tile_rows(const AttentionProblem& problem) {
  const bool fills_tiles = has_bfloat16_tiles() && problem.dim % (2 * kTilePairs) == 0 &&
                           problem.queries * problem.group >= kFullTileRows;
  return fills_tiles ? kFullTileRows : kTileRows;
}

}  // namespace

int64_t bfloat16_attention_pieces(const AttentionProblem& problem) {
  return AttentionCut(problem, tile_rows(problem), kRows).pieces();
}

Bfloat16AttentionWorkspace::Bfloat16AttentionWorkspace(const AttentionProblem& problem)
    : keys(round_up(problem.keys, kKeyBlock) * problem.dim),
      values(round_up(problem.keys, kKeyBlock) * round_up(problem.dim, kPanelColumns)),
      queries(kRows * problem.dim),
      sums(kRows * round_up(problem.dim, kPanelColumns)),
      bias(round_up(problem.keys, kKeyBlock)) {}

}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_begin-inl.h"

namespace glm_image::kernels {
namespace {

/// State of online softmax: the rows of a tile between two blocks of keys.
template <int64_t kHeight>
struct RowState {
  __m512 weight_sums[kHeight];  // by lane; their lanes are added at the end
  float maxima[kHeight];        // of the scores so far
};

/// Scores of a tile of rows against a block of keys.
template <int64_t kHeight>
struct ScoreBlock {
  alignas(64) float scores[kHeight][kKeyBlock];
  alignas(64) uint16_t weights[kHeight][kKeyBlock];
};

void compute_scores(const TileRegisters& registers,
                    const uint16_t* queries,
                    int64_t dim,
                    const uint16_t* keys,
                    int64_t panels,
                    ScoreBlock<kTileRows>& block) {
  for (int64_t panel = 0; panel < panels; ++panel) {
    Tile tile = zero_tile();
    multiply_add(registers, tile, queries, dim, keys + panel * dim * kPanelColumns, dim / 2);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        _mm512_store_ps(&block.scores[r][panel * kPanelColumns + v * kLanes], tile.sums[r][v]);
      }
    }
  }
}

void compute_scores(const TileRegisters&,
                    const uint16_t* queries,
                    int64_t dim,
                    const uint16_t* keys,
                    int64_t panels,
                    ScoreBlock<kFullTileRows>& block) {
  for (int64_t panel = 0; panel < panels; ++panel) {
    multiply_tiles(&block.scores[0][panel * kPanelColumns],
                   kKeyBlock,
                   queries,
                   dim,
                   keys + panel * dim * kPanelColumns,
                   dim / 2);
  }
}

/// Adds the mask of the keys, and −∞ where a row sees fewer keys than the block has.
template <int64_t kHeight>
void mask_scores(const float* bias,
                 const int64_t (&visible)[kHeight],
                 int64_t first_key,
                 int64_t keys,
                 ScoreBlock<kHeight>& block) {
  const auto lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (int64_t r = 0; r < kHeight; ++r) {
    const auto limit = _mm512_set1_epi32(static_cast<int>(visible[r] - first_key));
    for (int64_t i = 0; i < keys; i += kLanes) {
      const auto index = _mm512_add_epi32(lane, _mm512_set1_epi32(static_cast<int>(i)));
      const auto seen = _mm512_cmplt_epi32_mask(index, limit);
      float* scores = &block.scores[r][i];
      const auto biased = _mm512_add_ps(_mm512_load_ps(scores), _mm512_load_ps(bias + i));
      _mm512_store_ps(scores, _mm512_mask_mov_ps(_mm512_set1_ps(kMinusInfinity), seen, biased));
    }
  }
}

/// Turns scores into weights relative to the row's maximum so far; returns in `corrections` by what
/// the sums made with the former maximum must be multiplied. `factor` > 0 takes scores to units of
/// log 2.
template <int64_t kHeight>
void compute_weights(int64_t keys,
                     float factor,
                     ScoreBlock<kHeight>& block,
                     RowState<kHeight>& state,
                     float (&corrections)[kHeight]) {
  float references[kHeight];
  for (int64_t r = 0; r < kHeight; ++r) {
    auto largest = _mm512_load_ps(block.scores[r]);
    for (int64_t i = kLanes; i < keys; i += kLanes) {
      largest = _mm512_max_ps(largest, _mm512_load_ps(block.scores[r] + i));
    }
    const float maximum = std::max(state.maxima[r], _mm512_reduce_max_ps(largest));
    // A row that has seen no key yet keeps the maximum −∞. Subtracting any finite value instead
    // makes its weights negligible.
    references[r] = maximum == kMinusInfinity ? 0.0F : maximum * factor;
    corrections[r] = _mm512_cvtss_f32(
        exp2_not_positive(_mm512_set1_ps(state.maxima[r] * factor - references[r])));
    state.maxima[r] = maximum;
  }
  const auto factors = _mm512_set1_ps(factor);
  for (int64_t r = 0; r < kHeight; ++r) {
    const float* scores = block.scores[r];
    const auto reference = _mm512_set1_ps(references[r]);
    auto sum0 = _mm512_mul_ps(state.weight_sums[r], _mm512_set1_ps(corrections[r]));
    auto sum1 = _mm512_setzero_ps();
    for (int64_t i = 0; i < keys; i += 2 * kLanes) {
      const auto w0 =
          exp2_not_positive(_mm512_fmsub_ps(_mm512_load_ps(scores + i), factors, reference));
      const auto w1 = exp2_not_positive(
          _mm512_fmsub_ps(_mm512_load_ps(scores + i + kLanes), factors, reference));
      sum0 = _mm512_add_ps(sum0, w0);
      sum1 = _mm512_add_ps(sum1, w1);
      _mm512_store_si512(&block.weights[r][i],
                         reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(w1, w0)));
    }
    state.weight_sums[r] = _mm512_add_ps(sum0, sum1);
  }
}

/// sums = sums·corrections + weights·values. sums is [panels][rows of a tile][kPanelColumns].
void accumulate_values(const TileRegisters& registers,
                       const ScoreBlock<kTileRows>& block,
                       const uint16_t* values,
                       int64_t keys,
                       int64_t panels,
                       const float (&corrections)[kTileRows],
                       float* sums) {
  for (int64_t panel = 0; panel < panels; ++panel) {
    Tile tile;
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
      const auto correction = _mm512_set1_ps(corrections[r]);
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        tile.sums[r][v] =
            _mm512_mul_ps(_mm512_load_ps(sums + (r * kTileVectors + v) * kLanes), correction);
      }
    }
    multiply_add(registers,
                 tile,
                 &block.weights[0][0],
                 kKeyBlock,
                 values + panel * kKeyBlock * kPanelColumns,
                 keys / 2);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        _mm512_store_ps(sums + (r * kTileVectors + v) * kLanes, tile.sums[r][v]);
      }
    }
    sums += kTileRows * kPanelColumns;
  }
}

void accumulate_values(const TileRegisters&,
                       const ScoreBlock<kFullTileRows>& block,
                       const uint16_t* values,
                       int64_t keys,
                       int64_t panels,
                       const float (&corrections)[kFullTileRows],
                       float* sums) {
  for (int64_t panel = 0; panel < panels; ++panel) {
    for (int64_t r = 0; r < kFullTileRows; ++r) {
      float* row = sums + r * kPanelColumns;
      const auto correction = _mm512_set1_ps(corrections[r]);
#pragma GCC unroll 4
      for (int64_t i = 0; i < kPanelColumns; i += kLanes) {
        _mm512_store_ps(row + i, _mm512_mul_ps(_mm512_load_ps(row + i), correction));
      }
    }
    multiply_add_tiles<kTileVectors>(sums,
                                     kPanelColumns,
                                     &block.weights[0][0],
                                     kKeyBlock,
                                     values + panel * kKeyBlock * kPanelColumns,
                                     keys / 2);
    sums += kFullTileRows * kPanelColumns;
  }
}

/// Packs keys and values of one head, block by block, and the mask of the keys. What fills up the
/// last block is masked, and its values are zero.
void pack_head(const AttentionProblem& problem,
               const AttentionPiece& piece,
               int64_t keys,
               Bfloat16AttentionWorkspace& workspace) {
  const int64_t dim = problem.dim, padded_dim = round_up(dim, kPanelColumns);
  const auto& ks = problem.k_strides;
  const auto& vs = problem.v_strides;
  const uint16_t* k =
      static_cast<const uint16_t*>(problem.k) + piece.batch * ks.batch + piece.key_head * ks.head;
  const uint16_t* v =
      static_cast<const uint16_t*>(problem.v) + piece.batch * vs.batch + piece.key_head * vs.head;
  for (int64_t key = 0; key < keys; key += kPanelColumns) {
    pack_transposed(k + key * ks.token,
                    ks.token,
                    std::min(kPanelColumns, keys - key),
                    dim / 2,
                    workspace.keys.data() + key * dim);
  }
  for (int64_t key = 0; key < keys; key += kKeyBlock) {
    const int64_t padded_keys = round_up(std::min(kKeyBlock, keys - key), kPanelColumns);
    for (int64_t column = 0; column < dim; column += kPanelColumns) {
      pack_rows(v + key * vs.token + column,
                vs.token,
                keys - key,
                dim - column,
                padded_keys / 2,
                workspace.values.data() + key * padded_dim + column * kKeyBlock);
    }
  }
  const bool* mask =
      problem.key_mask == nullptr ? nullptr : problem.key_mask + piece.batch * problem.keys;
  for (int64_t key = 0; key < round_up(keys, kPanelColumns); ++key) {
    const bool seen = key < keys && (mask == nullptr || mask[key]);
    workspace.bias.data()[key] = seen ? 0.0F : kMinusInfinity;
  }
}

/// Divides the sums of a tile by the sums of the weights and writes the rows that exist.
template <int64_t kHeight>
void write_rows(const AttentionProblem& problem,
                const AttentionPiece& piece,
                int64_t row,
                const RowState<kHeight>& state,
                const float* sums) {
  for (int64_t r = 0; r < std::min(kHeight, piece.last_row - row); ++r) {
    const float weight_sum = _mm512_reduce_add_ps(state.weight_sums[r]);
    // The key with the largest score has weight 1, so a smaller sum means that the row sees no key.
    const auto inverse = _mm512_set1_ps(weight_sum > 0.5F ? 1.0F / weight_sum : 0.0F);
    uint16_t* out =
        static_cast<uint16_t*>(problem.out) + piece.offset(problem, problem.out_strides, row + r);
    for (int64_t column = 0; column < problem.dim; column += kLanes) {
      const int64_t panel = column / kPanelColumns;
      const float* source = sums + (panel * kHeight + r) * kPanelColumns + column % kPanelColumns;
      const auto rounded = _mm512_cvtneps_pbh(_mm512_mul_ps(_mm512_load_ps(source), inverse));
      const int64_t count = std::min(kLanes, problem.dim - column);
      _mm256_mask_storeu_epi16(out + column,
                               static_cast<__mmask16>((1U << count) - 1U),
                               reinterpret_cast<__m256i>(rounded));
    }
  }
}

/// All keys for up to kRows rows.
template <int64_t kHeight>
void attend_rows(const TileRegisters& registers,
                 const AttentionProblem& problem,
                 const AttentionPiece& piece,
                 int64_t first_row,
                 int64_t last_row,
                 Bfloat16AttentionWorkspace& workspace) {
  const int64_t dim = problem.dim, padded_dim = round_up(dim, kPanelColumns);
  const int64_t tiles = divide_up(last_row - first_row, kHeight);
  uint16_t* queries = workspace.queries.data();
  for (int64_t row = 0; row < tiles * kHeight; ++row) {
    if (first_row + row < last_row) {
      std::copy_n(static_cast<const uint16_t*>(problem.q) +
                      piece.offset(problem, problem.q_strides, first_row + row),
                  dim,
                  queries + row * dim);
    } else {
      std::fill_n(queries + row * dim, dim, uint16_t{0});
    }
  }
  RowState<kHeight> states[kRows / kHeight];
  for (int64_t tile = 0; tile < tiles; ++tile) {
    for (int64_t r = 0; r < kHeight; ++r) {
      states[tile].weight_sums[r] = _mm512_setzero_ps();
      states[tile].maxima[r] = kMinusInfinity;
    }
  }
  float* sums = workspace.sums.data();
  std::fill_n(sums, tiles * kHeight * padded_dim, 0.0F);

  const int64_t all_keys = visible_keys(problem, last_row - 1);
  ScoreBlock<kHeight> block;
  for (int64_t key = 0; key < all_keys; key += kKeyBlock) {
    const int64_t keys = round_up(std::min(kKeyBlock, all_keys - key), kPanelColumns);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t row = first_row + tile * kHeight;
      int64_t visible[kHeight];
      for (int64_t r = 0; r < kHeight; ++r) {
        visible[r] = visible_keys(problem, std::min(row + r, last_row - 1));
      }
      if (visible[kHeight - 1] <= key) continue;
      compute_scores(registers,
                     queries + tile * kHeight * dim,
                     dim,
                     workspace.keys.data() + key * dim,
                     keys / kPanelColumns,
                     block);
      if (problem.key_mask != nullptr || visible[0] < key + keys) {
        mask_scores(workspace.bias.data() + key, visible, key, keys, block);
      }
      float corrections[kHeight];
      compute_weights(keys, problem.scale * kLog2E, block, states[tile], corrections);
      accumulate_values(registers,
                        block,
                        workspace.values.data() + key * padded_dim,
                        keys,
                        padded_dim / kPanelColumns,
                        corrections,
                        sums + tile * kHeight * padded_dim);
    }
  }
  for (int64_t tile = 0; tile < tiles; ++tile) {
    write_rows(problem,
               piece,
               first_row + tile * kHeight,
               states[tile],
               sums + tile * kHeight * padded_dim);
  }
}

template <int64_t kHeight>
void compute_piece(const AttentionProblem& problem,
                   int64_t index,
                   Bfloat16AttentionWorkspace& workspace) {
  const AttentionPiece piece = AttentionCut(problem, kHeight, kRows).piece(index);
  if (piece.first_row >= piece.last_row) return;
  const TileRegisters registers(kHeight);
  pack_head(problem, piece, visible_keys(problem, piece.last_row - 1), workspace);
  for (int64_t row = piece.first_row; row < piece.last_row; row += kRows) {
    attend_rows<kHeight>(
        registers, problem, piece, row, std::min(row + kRows, piece.last_row), workspace);
  }
}

}  // namespace

void bfloat16_attention_piece(const AttentionProblem& problem,
                              int64_t index,
                              Bfloat16AttentionWorkspace& workspace) {
  if (tile_rows(problem) == kFullTileRows) {
    compute_piece<kFullTileRows>(problem, index, workspace);
  } else {
    compute_piece<kTileRows>(problem, index, workspace);
  }
}

}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_end-inl.h"

#else  // another kind of CPU: has_bfloat16_dot_product() is false and nothing here is called

namespace glm_image::kernels {

int64_t bfloat16_attention_pieces(const AttentionProblem&) {
  return 0;
}

Bfloat16AttentionWorkspace::Bfloat16AttentionWorkspace(const AttentionProblem&)
    : keys(0), values(0), queries(0), sums(0), bias(0) {}

void bfloat16_attention_piece(const AttentionProblem&, int64_t, Bfloat16AttentionWorkspace&) {}

}  // namespace glm_image::kernels

#endif
