#pragma once

#include <cstdint>

namespace glm_image::train {

/// Returns the image of `position` under a random permutation of 0 … size − 1. The permutation
/// depends only on `size` and `key`. Each position is computed on its own, in constant memory, so a
/// run can resume anywhere in a data set of any size.
///
/// Swap-or-not shuffle (Hoang, Morris and Rogaway 2012, "An Enciphering Scheme Based on a Card
/// Shuffle").
int64_t permuted(int64_t position, int64_t size, uint64_t key);

/// Maps positions of a run to examples.
struct ExampleOrder {
  int64_t examples = 0;  ///< size of the data set; 0: unlimited, every position is a new example
  uint64_t seed = 0;

  /// A finite data set is reshuffled in every epoch, so that batches differ between epochs.
  int64_t at(int64_t position) const;
};

}  // namespace glm_image::train
