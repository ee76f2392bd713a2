#include "kernels/bfloat16_attention_gradient.h"

#include <algorithm>
#include <limits>

#if defined(__x86_64__)

#include "core/round_up.h"
#include "kernels/bfloat16_accumulate-inl.h"
#include "kernels/bfloat16_exponential-inl.h"
#include "kernels/bfloat16_head-inl.h"
#include "kernels/bfloat16_tile-inl.h"

namespace glm_image::kernels {
namespace {

using namespace bfloat16;

constexpr int64_t kQueries = kPanelColumns;  // in a block
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr float kLog2E = 1.44269504F;

/// Sizes rounded up to whole tiles, panels and vectors.
struct Padded {
  explicit Padded(const AttentionProblem& problem)
      : keys(round_up(problem.keys, kTileRows)),
        transposed_keys(round_up(keys, kLanes)),
        dim_panels(divide_up(problem.dim, kPanelColumns)),
        dim(dim_panels * kPanelColumns) {}
  int64_t keys, transposed_keys, dim_panels, dim;
  // Both a multiple of a tile's rows and of a vector's lanes fit into this.
  int64_t dim_rows() const { return dim + kTileRows; }
};

}  // namespace

int64_t bfloat16_attention_gradient_pieces(const AttentionGradientProblem& problem) {
  return problem.attention.batch * problem.attention.key_heads;
}

Bfloat16AttentionGradientWorkspace::Bfloat16AttentionGradientWorkspace(
    const AttentionGradientProblem& problem)
    : keys(Padded(problem.attention).keys * problem.attention.dim),
      values(Padded(problem.attention).keys * problem.attention.dim),
      keys_transposed(Padded(problem.attention).dim_rows() *
                      Padded(problem.attention).transposed_keys),
      queries_by_dim(problem.attention.dim * kQueries),
      d_by_dim(problem.attention.dim * kQueries),
      queries_by_query(Padded(problem.attention).dim * kQueries),
      d_by_query(Padded(problem.attention).dim * kQueries),
      weights(Padded(problem.attention).keys * kQueries),
      weight_gradients(Padded(problem.attention).keys * kQueries),
      rounded_weights(Padded(problem.attention).keys * kQueries),
      score_gradients(Padded(problem.attention).keys * kQueries),
      score_gradient_pairs(Padded(problem.attention).keys * kQueries),
      key_sums(Padded(problem.attention).keys * Padded(problem.attention).dim),
      value_sums(Padded(problem.attention).keys * Padded(problem.attention).dim),
      query_sums(Padded(problem.attention).dim_rows() * kQueries) {}

}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_begin-inl.h"

namespace glm_image::kernels {
namespace {

/// One head of a block of queries, and the number of keys that it sees.
struct QueryBlock {
  int64_t batch, key_head, head;
  int64_t first, count;  ///< queries
  int64_t keys;          ///< seen by the last of them, rounded up to a tile
};

void pack_queries(const AttentionGradientProblem& problem,
                  const QueryBlock& block,
                  Bfloat16AttentionGradientWorkspace& workspace) {
  const auto& attention = problem.attention;
  const auto pack =
      [&](const uint16_t* rows, int64_t stride, uint16_t* by_dim, uint16_t* by_query) {
        pack_transposed(rows, stride, block.count, attention.dim / 2, by_dim);
        for (int64_t column = 0; column < attention.dim; column += kPanelColumns) {
          pack_rows(rows + column,
                    stride,
                    block.count,
                    attention.dim - column,
                    kQueries / 2,
                    by_query + column * kQueries);
        }
      };
  pack(rows_of(attention.q, attention.q_strides, block.batch, block.first, block.head),
       attention.q_strides.token,
       workspace.queries_by_dim.data(),
       workspace.queries_by_query.data());
  pack(rows_of(problem.d, problem.d_strides, block.batch, block.first, block.head),
       problem.d_strides.token,
       workspace.d_by_dim.data(),
       workspace.d_by_query.data());
}

/// A value for each query of a block.
struct PerQuery {
  __m512 vectors[kTileVectors];
};

/// −∞ for the queries that may not see the key.
[[gnu::always_inline]] inline __m512 masked(__m512 score, int64_t key, __m512i visible, bool seen) {
  const auto mask = _mm512_cmpgt_epi32_mask(visible, _mm512_set1_epi32(static_cast<int>(key)));
  const auto hidden = _mm512_set1_ps(kMinusInfinity);
  return seen ? _mm512_mask_mov_ps(hidden, mask, score) : hidden;
}

/// Scores [keys, queries] into workspace.weights; returns the largest of each query.
PerQuery compute_scores(const TileRegisters& registers,
                        const AttentionProblem& problem,
                        const QueryBlock& block,
                        Bfloat16AttentionGradientWorkspace& workspace) {
  alignas(64) int32_t visible[kQueries];
  for (int64_t i = 0; i < kQueries; ++i) {
    const int64_t query = std::min(block.first + i, problem.queries - 1);
    visible[i] = static_cast<int32_t>(visible_keys(problem, query * problem.group));
  }
  const bool* mask =
      problem.key_mask == nullptr ? nullptr : problem.key_mask + block.batch * problem.keys;
  PerQuery largest;
  for (auto& vector : largest.vectors) vector = _mm512_set1_ps(kMinusInfinity);
  for (int64_t key = 0; key < block.keys; key += kTileRows) {
    Tile tile = zero_tile();
    multiply_add(registers,
                 tile,
                 workspace.keys.data() + key * problem.dim,
                 problem.dim,
                 workspace.queries_by_dim.data(),
                 problem.dim / 2);
    const bool whole = mask == nullptr && key + kTileRows <= visible[0];
    for (int64_t r = 0; r < kTileRows; ++r) {
      const bool seen = key + r < problem.keys && (mask == nullptr || mask[key + r]);
      float* row = workspace.weights.data() + (key + r) * kQueries;
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        auto score = tile.sums[r][v];
        if (!whole) {
          score = masked(score, key + r, _mm512_load_si512(visible + v * kLanes), seen);
        }
        largest.vectors[v] = _mm512_max_ps(largest.vectors[v], score);
        _mm512_store_ps(row + v * kLanes, score);
      }
    }
  }
  return largest;
}

/// Sums over the keys, for each query.
struct WeightSums {
  PerQuery weights;   ///< Σ w
  PerQuery products;  ///< Σ w·dP
};

/// Turns scores into weights w relative to the largest, and computes dPᵀ = v·dᵀ.
WeightSums compute_weights(const TileRegisters& registers,
                           const AttentionProblem& problem,
                           const QueryBlock& block,
                           const PerQuery& largest,
                           Bfloat16AttentionGradientWorkspace& workspace) {
  const auto factor = _mm512_set1_ps(problem.scale * kLog2E);
  PerQuery reference;
  WeightSums sums;
  for (int v = 0; v < kTileVectors; ++v) {
    // A query that sees no key: subtracting any finite value makes its weights negligible.
    const auto none =
        _mm512_cmp_ps_mask(largest.vectors[v], _mm512_set1_ps(kMinusInfinity), _CMP_EQ_OQ);
    reference.vectors[v] =
        _mm512_mask_mov_ps(_mm512_mul_ps(largest.vectors[v], factor), none, _mm512_setzero_ps());
    sums.weights.vectors[v] = sums.products.vectors[v] = _mm512_setzero_ps();
  }
  for (int64_t key = 0; key < block.keys; key += kTileRows) {
    Tile tile = zero_tile();
    multiply_add(registers,
                 tile,
                 workspace.values.data() + key * problem.dim,
                 problem.dim,
                 workspace.d_by_dim.data(),
                 problem.dim / 2);
    for (int64_t r = 0; r < kTileRows; ++r) {
      float* weights = workspace.weights.data() + (key + r) * kQueries;
      float* gradients = workspace.weight_gradients.data() + (key + r) * kQueries;
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        const auto score = _mm512_load_ps(weights + v * kLanes);
        const auto weight = exp2_not_positive(_mm512_fmsub_ps(score, factor, reference.vectors[v]));
        const auto gradient = tile.sums[r][v];
        sums.weights.vectors[v] = _mm512_add_ps(sums.weights.vectors[v], weight);
        sums.products.vectors[v] = _mm512_fmadd_ps(weight, gradient, sums.products.vectors[v]);
        _mm512_store_ps(weights + v * kLanes, weight);
        _mm512_store_ps(gradients + v * kLanes, gradient);
      }
    }
  }
  return sums;
}

[[gnu::always_inline]] inline void store_rounded(uint16_t* to, __m512 low, __m512 high) {
  _mm512_store_si512(to, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
}

/// P and scale·dS, rounded, from weights and dP.
void compute_score_gradients(const AttentionProblem& problem,
                             const QueryBlock& block,
                             const WeightSums& sums,
                             Bfloat16AttentionGradientWorkspace& workspace) {
  PerQuery inverse, mean;
  for (int v = 0; v < kTileVectors; ++v) {
    const auto sum = sums.weights.vectors[v];
    // The key with the largest score has weight 1, so a smaller sum means that the row sees no key.
    const auto any = _mm512_cmp_ps_mask(sum, _mm512_set1_ps(0.5F), _CMP_GT_OQ);
    inverse.vectors[v] = _mm512_maskz_div_ps(any, _mm512_set1_ps(1.0F), sum);
    mean.vectors[v] = _mm512_mul_ps(sums.products.vectors[v], inverse.vectors[v]);
  }
  const auto scale = _mm512_set1_ps(problem.scale);
  for (int64_t key = 0; key < block.keys; key += 2) {
    __m512 score_gradients[2][kTileVectors];
    for (int64_t r = 0; r < 2; ++r) {
      const int64_t begin = (key + r) * kQueries;
      __m512 weights[kTileVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        weights[v] = _mm512_mul_ps(_mm512_load_ps(workspace.weights.data() + begin + v * kLanes),
                                   inverse.vectors[v]);
        const auto gradient =
            _mm512_load_ps(workspace.weight_gradients.data() + begin + v * kLanes);
        score_gradients[r][v] = _mm512_mul_ps(_mm512_mul_ps(weights[v], scale),
                                              _mm512_sub_ps(gradient, mean.vectors[v]));
      }
#pragma GCC unroll 2
      for (int v = 0; v < kTileVectors; v += 2) {
        store_rounded(
            workspace.rounded_weights.data() + begin + v * kLanes, weights[v], weights[v + 1]);
        store_rounded(workspace.score_gradients.data() + begin + v * kLanes,
                      score_gradients[r][v],
                      score_gradients[r][v + 1]);
      }
    }
    uint16_t* pairs = workspace.score_gradient_pairs.data() + key * kQueries;
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) {
      const auto first = _mm512_cvtepu16_epi32(
          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(score_gradients[0][v])));
      const auto second = _mm512_cvtepu16_epi32(
          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(score_gradients[1][v])));
      _mm512_store_si512(pairs + v * 2 * kLanes,
                         _mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
    }
  }
}

/// dqᵀ = kᵀ·dSᵀ, written to dq.
void write_query_gradients(const TileRegisters& registers,
                           const AttentionGradientProblem& problem,
                           const QueryBlock& block,
                           Bfloat16AttentionGradientWorkspace& workspace) {
  const auto& attention = problem.attention;
  const int64_t dim = attention.dim, heads = attention.key_heads * attention.group;
  const int64_t pitch = Padded(attention).transposed_keys;
  float* sums = workspace.query_sums.data();
  for (int64_t row = 0; row < dim; row += kTileRows) {
    Tile tile = zero_tile();
    multiply_add(registers,
                 tile,
                 workspace.keys_transposed.data() + row * pitch,
                 pitch,
                 workspace.score_gradient_pairs.data(),
                 block.keys / 2);
#pragma GCC unroll 6
    for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kTileVectors; ++v) {
        _mm512_store_ps(sums + (row + r) * kQueries + v * kLanes, tile.sums[r][v]);
      }
    }
  }
  auto* dq = static_cast<uint16_t*>(problem.dq) +
             ((block.batch * attention.queries + block.first) * heads + block.head) * dim;
  for (int64_t column = 0; column < dim; column += kLanes) {
    const auto mask = static_cast<__mmask16>((1U << std::min(kLanes, dim - column)) - 1U);
    for (int64_t query = 0; query < block.count; query += kLanes) {
      __m512i square[kLanes];
#pragma GCC unroll 16
      for (int r = 0; r < kLanes; ++r) {
        square[r] = _mm512_load_si512(sums + (column + r) * kQueries + query);
      }
      transpose(square);
      for (int64_t r = 0; r < std::min(kLanes, block.count - query); ++r) {
        _mm256_mask_storeu_epi16(
            dq + (query + r) * heads * dim + column,
            mask,
            reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_castsi512_ps(square[r]))));
      }
    }
  }
}

/// Rounds the sums of a key head to its rows of dk or dv.
void write_key_gradients(const AttentionProblem& problem,
                         const float* sums,
                         int64_t padded_dim,
                         int64_t batch,
                         int64_t key_head,
                         void* out) {
  const int64_t dim = problem.dim, row_size = problem.key_heads * dim;
  auto* rows = static_cast<uint16_t*>(out) + batch * problem.keys * row_size + key_head * dim;
  for (int64_t key = 0; key < problem.keys; ++key) {
    for (int64_t column = 0; column < dim; column += kLanes) {
      const auto mask = static_cast<__mmask16>((1U << std::min(kLanes, dim - column)) - 1U);
      const auto rounded = _mm512_cvtneps_pbh(_mm512_load_ps(sums + key * padded_dim + column));
      _mm256_mask_storeu_epi16(
          rows + key * row_size + column, mask, reinterpret_cast<__m256i>(rounded));
    }
  }
}

}  // namespace

void bfloat16_attention_gradient_piece(const AttentionGradientProblem& problem,
                                       int64_t piece,
                                       Bfloat16AttentionGradientWorkspace& workspace) {
  const TileRegisters registers;
  const auto& attention = problem.attention;
  const Padded padded(attention);
  const int64_t dim = attention.dim;
  const int64_t batch = piece / attention.key_heads, key_head = piece % attention.key_heads;
  copy_head(rows_of(attention.k, attention.k_strides, batch, 0, key_head),
            attention.k_strides.token,
            attention.keys,
            padded.keys,
            dim,
            workspace.keys.data());
  copy_head(rows_of(attention.v, attention.v_strides, batch, 0, key_head),
            attention.v_strides.token,
            attention.keys,
            padded.keys,
            dim,
            workspace.values.data());
  // Rows beyond dim pad the last tile. They are read, and their sums are ignored.
  std::fill_n(
      workspace.keys_transposed.data(), padded.dim_rows() * padded.transposed_keys, uint16_t{0});
  transpose_keys(workspace.keys.data(),
                 padded.keys,
                 dim,
                 padded.transposed_keys,
                 workspace.keys_transposed.data());
  std::fill_n(workspace.key_sums.data(), padded.keys * padded.dim, 0.0F);
  std::fill_n(workspace.value_sums.data(), padded.keys * padded.dim, 0.0F);

  for (int64_t member = 0; member < attention.group; ++member) {
    for (int64_t query = 0; query < attention.queries; query += kQueries) {
      QueryBlock block{batch, key_head, key_head * attention.group + member, query, 0, 0};
      block.count = std::min(kQueries, attention.queries - query);
      block.keys =
          round_up(visible_keys(attention, (query + block.count - 1) * attention.group), kTileRows);
      pack_queries(problem, block, workspace);
      const auto largest = compute_scores(registers, attention, block, workspace);
      const auto sums = compute_weights(registers, attention, block, largest, workspace);
      compute_score_gradients(attention, block, sums, workspace);
      accumulate_rows(registers,
                      workspace.rounded_weights.data(),
                      workspace.d_by_query.data(),
                      block.keys,
                      dim,
                      workspace.value_sums.data(),
                      padded.dim);
      accumulate_rows(registers,
                      workspace.score_gradients.data(),
                      workspace.queries_by_query.data(),
                      block.keys,
                      dim,
                      workspace.key_sums.data(),
                      padded.dim);
      write_query_gradients(registers, problem, block, workspace);
    }
  }
  write_key_gradients(
      attention, workspace.key_sums.data(), padded.dim, batch, key_head, problem.dk);
  write_key_gradients(
      attention, workspace.value_sums.data(), padded.dim, batch, key_head, problem.dv);
}

}  // namespace glm_image::kernels

#include "kernels/avx512_bfloat16_end-inl.h"

#else  // another kind of CPU: has_bfloat16_dot_product() is false and nothing here is called

namespace glm_image::kernels {

int64_t bfloat16_attention_gradient_pieces(const AttentionGradientProblem&) {
  return 0;
}

Bfloat16AttentionGradientWorkspace::Bfloat16AttentionGradientWorkspace(
    const AttentionGradientProblem&)
    : keys(0),
      values(0),
      keys_transposed(0),
      queries_by_dim(0),
      d_by_dim(0),
      queries_by_query(0),
      d_by_query(0),
      weights(0),
      weight_gradients(0),
      rounded_weights(0),
      score_gradients(0),
      score_gradient_pairs(0),
      key_sums(0),
      value_sums(0),
      query_sums(0) {}

void bfloat16_attention_gradient_piece(const AttentionGradientProblem&,
                                       int64_t,
                                       Bfloat16AttentionGradientWorkspace&) {}

}  // namespace glm_image::kernels

#endif
