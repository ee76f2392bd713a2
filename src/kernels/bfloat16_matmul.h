#pragma once

#include "kernels/bfloat16_dot_product.h"
#include "kernels/matmul_problem.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// The product of bfloat16 values on a CPU with has_bfloat16_dot_product(), for an even depth (they
/// are multiplied in pairs). Returns the number of independent pieces:
int64_t bfloat16_matmul_pieces(const MatmulProblem& problem);

/// Working memory that one thread uses for one piece after the other (allocating it for every piece
/// would cost a page fault per 4 KiB).
struct Bfloat16MatmulWorkspace {
  explicit Bfloat16MatmulWorkspace(const MatmulProblem& problem);
  explicit Bfloat16MatmulWorkspace(const MatmulCut& cut);
  Scratch<uint16_t> packed;     ///< a part of the weight, packed
  Scratch<uint16_t> last_rows;  ///< the last rows of x, filled up to a whole tile
  Scratch<float> waiting;       ///< sums over the parts of the depth so far
};

/// Computes one piece, 0 ≤ piece < bfloat16_matmul_pieces.
void bfloat16_matmul_piece(const MatmulProblem& problem,
                           int64_t piece,
                           Bfloat16MatmulWorkspace& workspace);

}  // namespace glm_image::kernels
