#pragma once

#include <cstdint>
#include <vector>

namespace glm_image::train {

/// How the ranks divide the batches of an optimizer step. The examples of a step do not depend on
/// it.
struct StepDivision {
  /// Each rank computes some rows of every batch (BatchShare). Otherwise it computes whole batches.
  bool by_rows = false;
  /// The numbers within the step of the batches that this rank computes, in order.
  std::vector<int64_t> batches;
};

/// The division in which the slowest rank computes the fewest rows. `batches` of at most `rows`
/// rows each; `divides_rows`: whether the stage can compute a part of a batch.
StepDivision divide_step(
    int64_t batches, int64_t rows, bool divides_rows, int64_t rank, int64_t ranks);

}  // namespace glm_image::train
