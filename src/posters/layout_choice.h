#pragma once

#include "posters/random_stream.h"
#include "posters/split.h"

namespace glm_image::posters {

struct PlaceChoice {
  std::vector<Place> texts, pictograms;
};

/// All ways to give one or two texts and up to two pictograms places of their own, by the split
/// that they belong to. Texts stand above, below or in the middle more often than aside.
class LayoutChoice {
 public:
  LayoutChoice();
  PlaceChoice pick(RandomStream& random, std::size_t texts, std::size_t pictograms, Split) const;

 private:
  struct Pool {
    std::vector<PlaceChoice> choices;
    std::vector<double> weights;
  };
  static std::size_t pool_index(std::size_t texts, std::size_t pictograms, Split split) {
    return ((texts - 1) * 3 + pictograms) * 2 + (split == Split::kEvaluation ? 1 : 0);
  }
  std::vector<Pool> pools_;
};

}  // namespace glm_image::posters
