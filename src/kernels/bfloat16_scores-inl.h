#pragma once

#include <algorithm>
#include <limits>

#include "kernels/bfloat16_attention_gradient.h"
#include "kernels/bfloat16_exponential-inl.h"
#include "kernels/bfloat16_head-inl.h"
#include "kernels/bfloat16_tile-inl.h"

/// The scores of a block of queries, their weights, and the gradients of both.
namespace glm_image::kernels::bfloat16 {

inline constexpr int64_t kQueries = kPanelColumns;  // in a block
inline constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
inline constexpr float kLog2E = 1.44269504F;

}  // namespace glm_image::kernels::bfloat16

#include "kernels/avx512_bfloat16_begin-inl.h"

namespace glm_image::kernels::bfloat16 {

/// One head of a block of queries, and how many keys matter to it.
struct QueryBlock {
  int64_t batch, key_head, head;
  int64_t first, count;  ///< queries
  int64_t keys;          ///< that the last of them sees, filled up to a tile
};

inline void pack_queries(const AttentionGradientProblem& problem,
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
inline PerQuery compute_scores(const TileRegisters& registers,
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
inline WeightSums compute_weights(const TileRegisters& registers,
                                  const AttentionProblem& problem,
                                  const QueryBlock& block,
                                  const PerQuery& largest,
                                  Bfloat16AttentionGradientWorkspace& workspace) {
  const auto factor = _mm512_set1_ps(problem.scale * kLog2E);
  PerQuery reference;
  WeightSums sums;
  for (int v = 0; v < kTileVectors; ++v) {
    // A query that sees nothing: any finite reference makes its weights as good as nothing.
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
inline void compute_score_gradients(const AttentionProblem& problem,
                                    const QueryBlock& block,
                                    const WeightSums& sums,
                                    Bfloat16AttentionGradientWorkspace& workspace) {
  PerQuery inverse, mean;
  for (int v = 0; v < kTileVectors; ++v) {
    const auto sum = sums.weights.vectors[v];
    // The key with the largest score has weight 1; less in all means that no key was seen.
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

}  // namespace glm_image::kernels::bfloat16

#include "kernels/avx512_bfloat16_end-inl.h"
