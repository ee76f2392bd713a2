#pragma once

#include "kernels/attention_problem.h"
#include "kernels/bfloat16_dot_product.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// Computes the gradients of q, k and v from `d`, the gradient of the result.
///
/// With P = softmax(scale·q·kᵀ + masks) and dP = d·vᵀ:
///   dv = Pᵀ·d,  dS = P∘(dP − rowsum(P∘dP)),  dq = scale·dS·k,  dk = scale·dSᵀ·q.
struct AttentionGradientProblem {
  AttentionProblem attention;  ///< as in the forward pass; `out` is unused
  const void* d = nullptr;     ///< like q
  AttentionProblem::Strides d_strides;
  void* dq = nullptr;  ///< dense, like q
  void* dk = nullptr;  ///< dense, like k
  void* dv = nullptr;  ///< dense, like k
};

/// In bfloat16, summed in float32, for an even dim. P is recomputed for a block of queries and all
/// their keys at a time, so the full matrix of scores is never stored. A piece is all queries of
/// one key head: pieces write to disjoint memory, and results are bit-identical for any number of
/// threads.
int64_t bfloat16_attention_gradient_pieces(const AttentionGradientProblem& problem);

/// Working memory that one thread uses for one piece after the other. Matrices [keys, queries] hold
/// one block of queries.
struct Bfloat16AttentionGradientWorkspace {
  explicit Bfloat16AttentionGradientWorkspace(const AttentionGradientProblem& problem);
  Scratch<uint16_t> keys, values;                      ///< of one head, rows padded to tiles
  Scratch<uint16_t> keys_transposed;                   ///< [dim, keys]
  Scratch<uint16_t> queries_by_dim, d_by_dim;          ///< packed, pairs along dim
  Scratch<uint16_t> queries_by_query, d_by_query;      ///< packed, pairs along the queries
  Scratch<float> weights, weight_gradients;            ///< Pᵀ before division, dPᵀ
  Scratch<uint16_t> rounded_weights, score_gradients;  ///< Pᵀ, dSᵀ
  Scratch<uint16_t> score_gradient_pairs;              ///< dSᵀ, packed, pairs along the keys
  Scratch<float> key_sums, value_sums;                 ///< dk, dv so far
  Scratch<float> query_sums;                           ///< dqᵀ
};

/// Computes one piece. Needs has_bfloat16_dot_product().
void bfloat16_attention_gradient_piece(const AttentionGradientProblem& problem,
                                       int64_t piece,
                                       Bfloat16AttentionGradientWorkspace& workspace);

}  // namespace glm_image::kernels
