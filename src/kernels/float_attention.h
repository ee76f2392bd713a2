#pragma once

#include "kernels/attention_problem.h"
#include "kernels/element.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// Attention on any CPU, in float32 inside; the counterpart of bfloat16_attention.h. Returns the
/// number of independent pieces of the work. A piece is some or all queries of one key head.
int64_t float_attention_pieces(const AttentionProblem& problem);

/// Working memory that one thread uses for one piece after the other.
struct FloatAttentionWorkspace {
  explicit FloatAttentionWorkspace(const AttentionProblem& problem);
  bool holds_all_keys;          ///< otherwise one block of keys and values at a time
  Scratch<float> keys, values;  ///< of one head, packed
  Scratch<float> queries;       ///< of the rows being computed, scaled
  Scratch<float> scores;        ///< of one tile of rows and one block of keys
  Scratch<float> sums;          ///< their weighted sums of values
  Scratch<float> row_states;    ///< their maxima and sums of weights
};

/// Computes one piece, 0 ≤ piece < float_attention_pieces.
void float_attention_piece(Element element,
                           const AttentionProblem& problem,
                           int64_t piece,
                           FloatAttentionWorkspace& workspace);

}  // namespace glm_image::kernels
