#pragma once

#include "kernels/attention_problem.h"
#include "kernels/bfloat16_dot_product.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// Attention in bfloat16, summed in float32, of an even dim; scores exist only for a few rows and a
/// few hundred keys at a time ("flash" attention).
///
/// Returns the number of independent pieces of the work. A piece is some or all queries of one key
/// head and packs the keys and values of that head.
int64_t bfloat16_attention_pieces(const AttentionProblem& problem);

/// Working memory that one thread uses for one piece after the other.
struct Bfloat16AttentionWorkspace {
  explicit Bfloat16AttentionWorkspace(const AttentionProblem& problem);
  Scratch<uint16_t> keys, values;  ///< of one head, packed
  Scratch<uint16_t> queries;       ///< of the rows being computed
  Scratch<float> sums;             ///< their weighted sums of values
  Scratch<float> bias;             ///< 0 or −∞ for every key
};

/// Computes one piece, 0 ≤ piece < bfloat16_attention_pieces. Needs has_bfloat16_dot_product().
void bfloat16_attention_piece(const AttentionProblem& problem,
                              int64_t piece,
                              Bfloat16AttentionWorkspace& workspace);

}  // namespace glm_image::kernels
