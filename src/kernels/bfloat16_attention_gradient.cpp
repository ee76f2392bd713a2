#include "kernels/bfloat16_attention_gradient.h"

#include <algorithm>

#if defined(__x86_64__)

#include "core/round_up.h"
#include "kernels/bfloat16_accumulate-inl.h"
#include "kernels/bfloat16_head-inl.h"
#include "kernels/bfloat16_scores-inl.h"
#include "kernels/bfloat16_tile-inl.h"

namespace glm_image::kernels {
namespace {

using namespace bfloat16;

/// Sizes filled up to whole tiles, panels and vectors.
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
