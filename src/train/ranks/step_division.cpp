#include "train/ranks/step_division.h"

#include "core/round_up.h"

namespace glm_image::train {

StepDivision divide_step(
    int64_t batches, int64_t rows, bool divides_rows, int64_t rank, int64_t ranks) {
  StepDivision division;
  // Whole batches need no communication within a batch. A single one is divided in any case: a
  // stage may keep something of its last batch on every rank (the codebook's update).
  const bool whole_are_as_fast =
      divide_up(batches, ranks) * rows <= batches * divide_up(rows, ranks);
  division.by_rows = ranks > 1 && divides_rows && (batches == 1 || !whole_are_as_fast);
  const int64_t stride = division.by_rows || ranks == 1 ? 1 : ranks;
  for (int64_t i = stride == 1 ? 0 : rank; i < batches; i += stride) division.batches.push_back(i);
  return division;
}

}  // namespace glm_image::train
