#pragma once

#include <cstdint>

namespace glm_image::train {

/// Where a random permutation of 0 … size − 1 puts `position`. The permutation follows from the key
/// alone, and one position is computed without the others, so that a run may resume anywhere in a
/// data set of any size.
///
/// Swap-or-not (Hoang, Morris and Rogaway 2012, "An Enciphering Scheme Based on a Card Shuffle").
int64_t permuted(int64_t position, int64_t size, uint64_t key);

/// Which example stands at each position of a run.
struct ExampleOrder {
  int64_t examples = 0;  ///< how many there are; 0: a new one at every position, without end
  uint64_t seed = 0;

  /// A finite data set is shuffled anew in every epoch, so that an example meets other neighbours
  /// and other slots of a batch each time.
  int64_t at(int64_t position) const;
};

}  // namespace glm_image::train
