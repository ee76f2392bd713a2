#pragma once

#include "kernels/element.h"
#include "kernels/matmul_problem.h"
#include "kernels/scratch.h"

namespace glm_image::kernels {

/// The product on any CPU: values of either type are widened to float32 while they are packed, and
/// multiplied as such. Returns the number of independent pieces:
int64_t float_matmul_pieces(const MatmulProblem& problem);

/// Working memory that one thread uses for one piece after the other.
struct FloatMatmulWorkspace {
  explicit FloatMatmulWorkspace(const MatmulProblem& problem);
  explicit FloatMatmulWorkspace(const MatmulCut& cut);
  Scratch<float> packed;   ///< a part of the weight, packed
  Scratch<float> rows;     ///< a group of rows of x
  Scratch<float> waiting;  ///< sums over the parts of the depth so far
};

/// Computes one piece, 0 ≤ piece < float_matmul_pieces.
void float_matmul_piece(Element element,
                        const MatmulProblem& problem,
                        int64_t piece,
                        FloatMatmulWorkspace& workspace);

}  // namespace glm_image::kernels
